#include "file.h"

#include <stdio.h>

#include "base/mem.h"

enum err file_load(const char *path, uint8_t **ret_bytes, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");

    if (!file)
        return ERR_IO;
    long len = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (len < 0 || len > FILE_LEN_MAX || fseek(file, 0, SEEK_SET) != 0) {
        (void)fclose(file);
        return len > FILE_LEN_MAX ? ERR_LIMIT : ERR_IO;
    }
    *ret_bytes = mem_alloc((size_t)len);
    *ret_len = fread(*ret_bytes, 1, (size_t)len, file);
    (void)fclose(file);
    return OK;
}
