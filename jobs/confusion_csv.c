#include "jobs/confusion_csv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"

static void write_field(FILE *file, const char *text)
{
    if (strpbrk(text, ",\"") == NULL) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static void write_rows(FILE *file, const struct judgement *judgement, const class_name *labels)
{
    fputs("truth", file);
    for (int32_t said = 0; said < judgement->label_count; said++) {
        fputc(',', file);
        write_field(file, labels[judgement->classifier_label[said]]);
    }
    for (int32_t truth = 0; truth < judgement->label_count; truth++) {
        fputs("\r\n", file);
        write_field(file, labels[judgement->classifier_label[truth]]);
        for (int32_t said = 0; said < judgement->label_count; said++)
            fprintf(file, ",%lld", (long long)judgement_confusion(judgement, truth, said));
    }
    fputs("\r\n", file);
}

enum status confusion_csv_write(const struct judgement *judgement, const class_name *labels, const char *path)
{
    char *beside = NULL;
    enum status status = output_file_beside(path, &beside);
    if (status != STATUS_OK)
        return status;
    FILE *file = fopen(beside, "we");
    if (file == NULL) {
        status = error_set(STATUS_IO, "%s: cannot be written: %s", path, strerror(errno));
        memory_free(&beside);
        return status;
    }
    write_rows(file, judgement, labels);
    int failed = ferror(file);
    if (fclose(file) != 0 || failed != 0)
        status = error_set(STATUS_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (status == STATUS_OK)
        status = output_file_commit(beside, path);
    if (status != STATUS_OK)
        output_file_discard(beside);
    memory_free(&beside);
    return status;
}
