#include "jobs/data_arguments.h"

#include "compute/base/output_file.h"

void data_arguments_add(struct data_arguments *arguments, const struct argp_state *state, const char *option,
                        char *text)
{
    if (arguments->count == DATA_ARGUMENTS_MAX)
        argp_error(state, "%s: given more than %d times", option, DATA_ARGUMENTS_MAX);
    else
        arguments->texts[arguments->count++] = text;
}

void data_arguments_tell_adapted(struct console *console, const struct dataset_join *join,
                                 const struct joined_run *run, const char *taker)
{
    for (int32_t i = 0; i < join->count; i++) {
        struct shape shape = join->sets[i].dataset->shape;
        if (run->adapted[i])
            console_print(console,
                          "facet: note: %s: images of %d × %d × %d are brought to the shape that %s takes",
                          join->sets[i].path, (int)shape.h, (int)shape.w, (int)shape.c, taker);
    }
}

enum status data_arguments_check_output(const struct dataset_join *join, const char *output)
{
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < join->count && status == STATUS_OK; i++)
        status = output_file_check_input(output, join->sets[i].path);
    return status;
}
