/* Runs a harness once over each file of a folder: the kept corpus, without a fuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1 for a file that was run, 0 for anything else. */
static int replay(const char *folder, const char *name)
{
    char path[4096];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &found) != 0 || !S_ISREG(found.st_mode)) {
        if (file != NULL)
            fclose(file);
        return 0;
    }
    size_t bytes = (size_t)found.st_size;
    uint8_t *data = malloc(bytes > 0 ? bytes : 1);
    if (data == NULL || fread(data, 1, bytes, file) != bytes)
        abort();
    fclose(file);
    LLVMFuzzerTestOneInput(data, bytes);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    int count = 0;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER, one that can be read\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        count += replay(argv[1], entry->d_name);
    closedir(folder);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
