#include "jobs/documentation.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* --- walking an option table, children included --- */

/* Called for every option and, with option->name NULL, for every heading. */
typedef void (*option_visitor)(void *context, const struct argp_option *option);

static bool is_end(const struct argp_option *option)
{
    return option->name == NULL && option->key == 0 && option->doc == NULL && option->group == 0;
}

static bool has_short(const struct argp_option *option)
{
    return option->key > 0 && option->key < 128 && isgraph(option->key);
}

static void options_visit(const struct argp *argp, option_visitor visit, void *context)
{
    for (const struct argp_option *option = argp->options; option != NULL && !is_end(option); option++)
        if ((option->flags & OPTION_HIDDEN) == 0)
            visit(context, option);
    for (const struct argp_child *child = argp->children; child != NULL && child->argp != NULL; child++)
        options_visit(child->argp, visit, context);
}

/* What argp adds to every parser. */
static const struct argp_option common_options[] = {
    {"help", '?', NULL, 0, "Give this help list", -1},
    {"usage", 0x7001, NULL, 0, "Give a short usage message", -1},
    {"version", 'V', NULL, 0, "Print program version", -1},
    {0}};
static const struct argp common_argp = {.options = common_options};

/* --- man pages --- */

/* Text in man(7)'s language; a line that begins with a blank is an example and stays as it is. */
static void roff_text(FILE *out, const char *text, size_t bytes)
{
    bool line_starts = true;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (line_starts && (c == '.' || c == '\''))
            fputs("\\&", out);
        if (c == '\\')
            fputs("\\e", out);
        else if (c == '-')
            fputs("\\-", out);
        else
            fputc(c, out);
        line_starts = c == '\n';
    }
}

/* Paragraphs, and blocks of examples. */
static void roff_body(FILE *out, const char *text)
{
    bool example = false, paragraph = true;
    while (*text != '\0') {
        size_t bytes = strcspn(text, "\n");
        bool indented = *text == ' ' && bytes > 0;
        if (indented && !example)
            fputs(".PP\n.nf\n", out);
        if (!indented && example)
            fputs(".fi\n.PP\n", out);
        if (!indented && !example && bytes > 0 && paragraph)
            fputs(".PP\n", out);
        example = indented;
        paragraph = bytes == 0;
        if (bytes > 0) {
            roff_text(out, text, bytes);
            fputc('\n', out);
        }
        text += bytes + (text[bytes] == '\n');
    }
    if (example)
        fputs(".fi\n", out);
}

static void roff_option(void *context, const struct argp_option *option)
{
    FILE *out = context;
    if (option->name == NULL) {
        if (option->doc != NULL) {
            fputs(".SS ", out);
            roff_text(out, option->doc, strlen(option->doc) - (option->doc[strlen(option->doc) - 1] == ':'));
            fputc('\n', out);
        }
        return;
    }
    fputs(".TP\n", out);
    if (has_short(option)) {
        fprintf(out, "\\fB\\-%c\\fR", option->key);
        if (option->arg != NULL)
            fprintf(out, " \\fI%s\\fR", option->arg);
        fputs(", ", out);
    }
    fputs("\\fB\\-\\-", out);
    roff_text(out, option->name, strlen(option->name));
    fputs("\\fR", out);
    if (option->arg != NULL) {
        bool optional = (option->flags & OPTION_ARG_OPTIONAL) != 0;
        fprintf(out, "%s=\\fI", optional ? "[" : "");
        roff_text(out, option->arg, strlen(option->arg));
        fprintf(out, "\\fR%s", optional ? "]" : "");
    }
    fputc('\n', out);
    if (option->doc != NULL)
        roff_text(out, option->doc, strlen(option->doc));
    fputc('\n', out);
}

static void roff_title(FILE *out, const char *program, const char *command, const char *summary)
{
    const char *dash = command != NULL ? "-" : "";
    command = command != NULL ? command : "";
    fprintf(out, ".TH \"%s%s%s\" 1 \"\" \"Facet %s\" \"Facet\"\n.SH NAME\n", program, dash, command,
            FACET_VERSION);
    roff_text(out, program, strlen(program));
    roff_text(out, dash, strlen(dash));
    roff_text(out, command, strlen(command));
    fputs(" \\- ", out);
    roff_text(out, summary, strlen(summary));
    fputc('\n', out);
}

void documentation_man(FILE *out, const struct documented *page, const char *see_also)
{
    const char *doc = page->argp->doc != NULL ? page->argp->doc : "";
    size_t before = strcspn(doc, "\v");
    roff_title(out, page->program, page->command, page->summary);
    fputs(".SH SYNOPSIS\n", out);
    fprintf(out, "\\fB%s%s", page->program, page->command != NULL ? " " : "");
    if (page->command != NULL)
        roff_text(out, page->command, strlen(page->command));
    fputs("\\fR [\\fIOPTION\\fR...] ", out);
    for (const char *c = page->argp->args_doc != NULL ? page->argp->args_doc : ""; *c != '\0'; c++) {
        if (*c == '\n')
            fputs("\n.br\n", out);
        else
            roff_text(out, c, 1);
    }
    fputs("\n.SH DESCRIPTION\n", out);
    roff_text(out, doc, before);
    fputs("\n.SH OPTIONS\n", out);
    options_visit(page->argp, roff_option, out);
    fputs(".SS General\n", out);
    options_visit(&common_argp, roff_option, out);
    if (doc[before] != '\0') {
        fputs(".SH NOTES\n", out);
        roff_body(out, doc + before + 1);
    }
    if (*see_also != '\0')
        fprintf(out, ".SH SEE ALSO\n%s\n", see_also);
}

void documentation_man_overview(FILE *out, const char *program, const char *introduction,
                                const struct documented *pages, int count)
{
    roff_title(out, program, NULL, "cut image classifiers into modules, reuse and recombine them");
    fprintf(out, ".SH SYNOPSIS\n\\fB%s\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n", program);
    roff_body(out, introduction);
    fputs(".SH COMMANDS\n", out);
    for (int i = 0; i < count; i++) {
        fprintf(out, ".TP\n\\fB%s\\-", program);
        roff_text(out, pages[i].command, strlen(pages[i].command));
        fputs("\\fR(1)\n", out);
        roff_text(out, pages[i].summary, strlen(pages[i].summary));
        fputc('\n', out);
    }
    fputs(".SH EXIT STATUS\n.TP\n0\nAll is well.\n.TP\n1\nAn error; the message says which and what to do.\n"
          ".TP\n2\nA wrong command line.\n.TP\n75\nA signal ended the run, and it can go on with "
          "\\-\\-resume.\n",
          out);
}

/* --- completion --- */

/* Text within single quotes of a shell, where brackets and colons mean something to zsh's _arguments. */
static void quoted(FILE *out, const char *text, bool zsh)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'')
            fputs("'\\''", out);
        else if (zsh && strchr("[]:\\", *c) != NULL)
            fprintf(out, "\\%c", *c);
        else
            fputc(*c == '\n' ? ' ' : *c, out);
    }
}

static void bash_option(void *context, const struct argp_option *option)
{
    if (option->name != NULL)
        fprintf(context, " --%s%s", option->name, option->arg != NULL ? "=" : "");
}

static void bash_options(FILE *out, const struct argp *argp)
{
    fputs("words='", out);
    options_visit(argp, bash_option, out);
    options_visit(&common_argp, bash_option, out);
    fputs("'", out);
}

/* Options end in "=" when they take a value, which is then a file name for all that a script can know. */
void documentation_bash(FILE *out, const struct documented *pages, int count)
{
    const char *program = pages[0].program;
    bool commands = pages[0].command != NULL;
    fprintf(out, "# bash completion for %s\n_%s() {\n", program, program);
    fputs("    local current=${COMP_WORDS[COMP_CWORD]} words=''\n    COMPREPLY=()\n", out);
    if (commands) {
        fputs("    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words='--help --version help", out);
        for (int i = 0; i < count; i++)
            fprintf(out, " %s", pages[i].command);
        fputs("'\n        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n        return\n"
              "    fi\n    case ${COMP_WORDS[1]} in\n",
              out);
        for (int i = 0; i < count; i++) {
            fprintf(out, "    %s) ", pages[i].command);
            bash_options(out, pages[i].argp);
            fputs(" ;;\n", out);
        }
        fputs("    esac\n", out);
    } else {
        fputs("    ", out);
        bash_options(out, pages[0].argp);
        fputc('\n', out);
    }
    fputs("    case $current in\n    -*)\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
          "        case ${COMPREPLY[0]-} in *=) compopt -o nospace ;; esac\n        ;;\n"
          "    *) mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n    esac\n}\n",
          out);
    fprintf(out, "complete -o filenames -F _%s %s\n", program, program);
}

static void zsh_option(void *context, const struct argp_option *option)
{
    FILE *out = context;
    if (option->name == NULL)
        return;
    fprintf(out, " \\\n        '--%s%s[", option->name, option->arg != NULL ? "=" : "");
    quoted(out, option->doc != NULL ? option->doc : "", true);
    fputc(']', out);
    if (option->arg != NULL) {
        fputc(':', out);
        quoted(out, option->arg, true);
        fputs(":_files", out);
    }
    fputc('\'', out);
}

static void zsh_arguments(FILE *out, const struct argp *argp)
{
    fputs("_arguments", out);
    options_visit(argp, zsh_option, out);
    options_visit(&common_argp, zsh_option, out);
    fputs(" \\\n        '*:file:_files'", out);
}

void documentation_zsh(FILE *out, const struct documented *pages, int count)
{
    const char *program = pages[0].program;
    fprintf(out, "#compdef %s\n", program);
    if (pages[0].command == NULL) {
        zsh_arguments(out, pages[0].argp);
        fputc('\n', out);
        return;
    }
    fputs("local -a commands\ncommands=(\n", out);
    for (int i = 0; i < count; i++) {
        fprintf(out, "    '%s:", pages[i].command);
        quoted(out, pages[i].summary, false);
        fputs("'\n", out);
    }
    fputs(")\nif (( CURRENT == 2 )); then\n    _describe command commands\n    return\nfi\n"
          "local command=$words[2]\nshift words\n(( CURRENT-- ))\ncase $command in\n",
          out);
    for (int i = 0; i < count; i++) {
        fprintf(out, "%s)\n    ", pages[i].command);
        zsh_arguments(out, pages[i].argp);
        fputs(" ;;\n", out);
    }
    fputs("esac\n", out);
}
