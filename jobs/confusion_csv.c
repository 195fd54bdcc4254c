#include "jobs/confusion_csv.h"

#include <stdio.h>

#include "compute/base/output_file.h"
#include "jobs/csv_output.h"

static void write_rows(FILE *file, const struct judgement *judgement, const class_name *labels)
{
    fputs("truth", file);
    for (int32_t said = 0; said < judgement->label_count; said++) {
        fputc(',', file);
        csv_write_text(file, labels[judgement->classifier_label[said]]);
    }
    for (int32_t truth = 0; truth < judgement->label_count; truth++) {
        fputs("\r\n", file);
        csv_write_text(file, labels[judgement->classifier_label[truth]]);
        for (int32_t said = 0; said < judgement->label_count; said++)
            fprintf(file, ",%lld", (long long)judgement_confusion(judgement, truth, said));
    }
    fputs("\r\n", file);
}

struct confusion {
    const struct judgement *judgement;
    const class_name *labels;
};

static enum status write_confusion(void *context, FILE *file)
{
    const struct confusion *confusion = context;
    write_rows(file, confusion->judgement, confusion->labels);
    return STATUS_OK;
}

enum status confusion_csv_write(const struct judgement *judgement, const class_name *labels, const char *path)
{
    struct confusion confusion = {judgement, labels};
    return output_file_write(path, write_confusion, &confusion);
}
