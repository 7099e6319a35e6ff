/*
 * fuzz_replay - a main() for fuzz targets without libFuzzer: runs each file of the corpus folder
 * once, then each of its prefixes up to a bound, so that each truncation is tried in every build.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, PREFIXES_MAX = 600 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const uint8_t *data, size_t size)
{
    /* An exact copy on the heap, so that a sanitizer sees the first byte read past the end. */
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_file(const char *path)
{
    static uint8_t bytes[FILE_MAX];
    FILE *file = fopen(path, "rb");

    if (!file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    run(bytes, size);
    for (size_t prefix = 0; prefix < size && prefix < PREFIXES_MAX; prefix++)
        run(bytes, prefix);
}

int main(int argc, char **argv)
{
    int count = 0;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s <corpus folder>\n", argv[0]);
        return 2;
    }
    DIR *folder = opendir(argv[1]);
    if (!folder) {
        perror(argv[1]);
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[4096];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        run_file(path);
        count++;
    }
    (void)closedir(folder);
    printf("%d corpus files replayed\n", count);
    return count > 0 ? 0 : 1; /* an empty corpus would test nothing */
}
