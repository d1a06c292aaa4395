/* Opens paths for reading, over and over: the system calls of the probe's attempt `read`, and nothing else.

   usage: attempts bare|records COUNT FILE     FILE: one path a line; the records go to standard output.

   A record is what the probe writes of the same attempt: its number, the errno's name, and that nothing was seen, five
   hundred to a line, each line in one write. What could be read is no business of this program: it ends with 3. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 500
#define PATHS 4096

static char *paths[PATHS];
static char line[BATCH * 64];

static const char *name_of(int number) {
    switch (number) {
    case EACCES: return "EACCES";
    case EPERM: return "EPERM";
    case ENOENT: return "ENOENT";
    default: return "OTHER";
    }
}

static void write_all(const char *data, size_t left) {
    while (left) {
        ssize_t took = write(1, data, left);
        if (took < 0) exit(4);
        data += took;
        left -= (size_t)took;
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int records = !strcmp(argv[1], "records");
    long count = atol(argv[2]), known = 0;
    FILE *file = fopen(argv[3], "r");
    if (!file) return 2;
    char *text = NULL;
    size_t room = 0;
    ssize_t length;
    while (known < PATHS && (length = getline(&text, &room, file)) > 0) {
        text[length - 1] = 0;
        paths[known++] = strdup(text);
    }
    if (!known) return 2;
    size_t used = 0;
    for (long at = 0; at < count; at++) {
        int handle = open(paths[at % known], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (handle >= 0) return 3;
        if (!records) continue;
        used += (size_t)sprintf(line + used, used ? ",[%ld,\"%s\",null]" : "{\"at\":[[%ld,\"%s\",null]", at, name_of(errno));
        if (at % BATCH == BATCH - 1 || at == count - 1) {
            memcpy(line + used, "]}\n", 3);
            write_all(line, used + 3);
            used = 0;
        }
    }
    return 0;
}
