/* Columns in the Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html), and how they grow. */
#ifndef LAPWING_ARROW_H
#define LAPWING_ARROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

/* Bytes that grow; `failed` once memory ran out, and then what is added is lost. */
typedef struct {
    uint8_t *data;
    size_t used, room;
    bool failed;
} Bytes;

/* Room for `more` bytes behind those used, or NULL. */
uint8_t *bytes_room(Bytes *bytes, size_t more);
void bytes_add(Bytes *bytes, const void *from, size_t size);
void bytes_add_number(Bytes *bytes, int64_t number);
void bytes_free(Bytes *bytes);

/* A column of texts or of 64-bit numbers on its way; of texts `ends` holds where each one ends, beginning with 0. As long
   as it has only nulls, they are only counted. */
typedef struct {
    Bytes values, ends, valid;
    int64_t length, nulls;
    bool is_text;
} Column;

void column_begin(Column *column, bool is_text);
void column_add_text(Column *column, const void *text, size_t size);
void column_add_number(Column *column, int64_t number);
void column_add_null(Column *column);
bool column_failed(const Column *column);
void column_free(Column *column);

/* Hand a column over as large_utf8, or int64 (uint64 is the same to it). One without values gives nothing: no `release`. */
bool column_export(Column *column, struct ArrowArray *out);
/* Hand lists over as large_list: `ends` holds where each list ends among the values of the child, beginning with 0. */
bool list_export(Bytes *ends, int64_t length, struct ArrowArray *child, struct ArrowArray *out);

/* One text of a string view array; NULL where it is null. */
const uint8_t *view_at(const struct ArrowArray *views, int64_t row, size_t *size);

/* The character at `*at`, which moves on. Texts are valid UTF-8: they come out of frames. */
static inline uint32_t next_character(const uint8_t **at) {
    const uint8_t *from = *at;
    if (from[0] < 0x80) { *at += 1; return from[0]; }
    if (from[0] < 0xE0) { *at += 2; return (uint32_t)(from[0] & 0x1F) << 6 | (from[1] & 0x3F); }
    if (from[0] < 0xF0) { *at += 3; return (uint32_t)(from[0] & 0x0F) << 12 | (uint32_t)(from[1] & 0x3F) << 6 | (from[2] & 0x3F); }
    *at += 4;
    return (uint32_t)(from[0] & 0x07) << 18 | (uint32_t)(from[1] & 0x3F) << 12 | (uint32_t)(from[2] & 0x3F) << 6 | (from[3] & 0x3F);
}

#endif
