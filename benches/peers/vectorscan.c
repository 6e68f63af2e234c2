// Vectorscan as a peer: compiles patterns, then scans all texts as often as it is asked to.
// usage: vectorscan PATTERNS TEXTS
// PATTERNS: lines of hs_compile flags, a tab, and an expression. TEXTS: each a length in 4 octets, small end first, and so many octets.
// Says `compiled <milliseconds> <octets of the database> <patterns left out>`; to each line `<times>` on standard input it answers
// `<nanoseconds of processor time> <matches>`.
#include <hs/hs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(1); }
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *octets = malloc(*length + 1);
    if (fread(octets, 1, *length, file) != *length) { perror(path); exit(1); }
    octets[*length] = 0;
    fclose(file);
    return octets;
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *count) {
    (void)id, (void)from, (void)to, (void)flags;
    ++*(uint64_t *)count;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) return 64;
    size_t patterns_length, texts_length;
    char *patterns = read_file(argv[1], &patterns_length), *texts = read_file(argv[2], &texts_length);
    size_t room = 1, count = 0, left_out = 0;
    for (size_t at = 0; at < patterns_length; at++) room += patterns[at] == '\n';
    const char **expressions = calloc(room, sizeof *expressions);
    unsigned *flags = calloc(room, sizeof *flags), *ids = calloc(room, sizeof *ids);
    for (char *line = strtok(patterns, "\n"); line; line = strtok(NULL, "\n")) {
        char *tab = strchr(line, '\t');
        if (!tab) continue;
        hs_expr_info_t *info = NULL;
        hs_compile_error_t *error = NULL;
        flags[count] = (unsigned)strtoul(line, NULL, 10);
        expressions[count] = tab + 1;
        ids[count] = (unsigned)count;
        if (hs_expression_info(tab + 1, flags[count], &info, &error) != HS_SUCCESS) {
            hs_free_compile_error(error);
            left_out++;
            continue;
        }
        free(info);
        count++;
    }
    hs_database_t *database = NULL;
    hs_scratch_t *scratch = NULL;
    hs_compile_error_t *error = NULL;
    uint64_t started = now();
    if (hs_compile_multi(expressions, flags, ids, (unsigned)count, HS_MODE_BLOCK, NULL, &database, &error) != HS_SUCCESS) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    uint64_t compiled = now() - started;
    size_t size = 0;
    hs_database_size(database, &size);
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) return 1;
    printf("compiled %.1f %zu %zu\n", (double)compiled / 1e6, size, left_out);
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        uint64_t matches = 0;
        started = now();
        for (unsigned long pass = strtoul(line, NULL, 10); pass; pass--) {
            for (size_t at = 0; at + 4 <= texts_length;) {
                uint32_t length;
                memcpy(&length, texts + at, 4);
                hs_scan(database, texts + at + 4, length, 0, scratch, on_match, &matches);
                at += 4 + length;
            }
        }
        printf("%llu %llu\n", (unsigned long long)(now() - started), (unsigned long long)matches);
        fflush(stdout);
    }
    return 0;
}
