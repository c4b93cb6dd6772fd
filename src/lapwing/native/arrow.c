#include "arrow.h"

#include <stdlib.h>
#include <string.h>

uint8_t *bytes_room(Bytes *bytes, size_t more) {
    if (bytes->failed) return NULL;
    if (bytes->room - bytes->used < more) {
        size_t room = bytes->room < 4096 ? 4096 : bytes->room;
        while (room - bytes->used < more) {
            if (room > SIZE_MAX / 4) { bytes->failed = true; return NULL; }
            room += room / 2;
        }
        uint8_t *data = realloc(bytes->data, room);
        if (data == NULL) { bytes->failed = true; return NULL; }
        bytes->data = data;
        bytes->room = room;
    }
    return bytes->data + bytes->used;
}

void bytes_add(Bytes *bytes, const void *from, size_t size) {
    uint8_t *to = bytes_room(bytes, size);
    if (to == NULL || size == 0) return;
    memcpy(to, from, size);
    bytes->used += size;
}

void bytes_add_number(Bytes *bytes, int64_t number) { bytes_add(bytes, &number, sizeof number); }

void bytes_free(Bytes *bytes) {
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

void column_begin(Column *column, bool is_text) {
    memset(column, 0, sizeof *column);
    column->is_text = is_text;
}

static void fill(Bytes *bytes, int byte, size_t size) {
    uint8_t *to = bytes_room(bytes, size);
    if (to == NULL) return;
    memset(to, byte, size);
    bytes->used += size;
}

/* Write what was put off: the nulls before the first value. */
static void begin_values(Column *column) {
    size_t nulls = (size_t)column->length;
    if (column->is_text)
        fill(&column->ends, 0, 8 * (nulls + 1));
    else
        fill(&column->values, 0, 8 * nulls);
    if (nulls) fill(&column->valid, 0, nulls / 8 + 1);
}

/* Note whether the next value is valid; nothing is written as long as all are. */
static void add_validity(Column *column, bool valid) {
    if (column->nulls == 0 && !valid)
        fill(&column->valid, 0xFF, (size_t)column->length / 8 + 1);
    else if (column->nulls && (column->length & 7) == 0 && column->valid.used * 8 == (size_t)column->length)
        fill(&column->valid, 0, 1);
    if ((column->nulls || !valid) && !column->valid.failed) {
        uint8_t bit = (uint8_t)(1u << (column->length & 7)), *byte = &column->valid.data[column->length >> 3];
        *byte = (uint8_t)(valid ? *byte | bit : *byte & ~bit);
    }
    column->length++;
    column->nulls += !valid;
}

void column_add_text(Column *column, const void *text, size_t size) {
    if (column->length == column->nulls) begin_values(column);
    bytes_add(&column->values, text, size);
    bytes_add_number(&column->ends, (int64_t)column->values.used);
    add_validity(column, true);
}

void column_add_number(Column *column, int64_t number) {
    if (column->length == column->nulls) begin_values(column);
    bytes_add_number(&column->values, number);
    add_validity(column, true);
}

void column_add_null(Column *column) {
    if (column->length == column->nulls) {
        column->length++;
        column->nulls++;
        return;
    }
    bytes_add_number(column->is_text ? &column->ends : &column->values, column->is_text ? (int64_t)column->values.used : 0);
    add_validity(column, false);
}

bool column_failed(const Column *column) { return column->values.failed || column->ends.failed || column->valid.failed; }

void column_free(Column *column) {
    bytes_free(&column->values);
    bytes_free(&column->ends);
    bytes_free(&column->valid);
}

static void release(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_buffers; i++) free((void *)array->buffers[i]);
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
        free(array->children[i]);
    }
    free(array->children);
    free(array->buffers);
    array->release = NULL;
}

/* Takes what the buffers hold, and leaves them empty; some readers want a buffer even for no values. */
static bool hand_over(struct ArrowArray *out, Bytes **from, int64_t n) {
    const void **buffers = calloc((size_t)n, sizeof *buffers);
    if (buffers == NULL) return false;
    for (int64_t i = 0; i < n; i++) {
        if (from[i] == NULL) continue;
        if (bytes_room(from[i], 1) == NULL) { free(buffers); return false; }
    }
    for (int64_t i = 0; i < n; i++) {
        if (from[i] == NULL) continue;
        buffers[i] = from[i]->data;
        memset(from[i], 0, sizeof *from[i]);
    }
    out->n_buffers = n;
    out->buffers = buffers;
    out->release = release;
    return true;
}

bool column_export(Column *column, struct ArrowArray *out) {
    memset(out, 0, sizeof *out);
    if (column->length && column->length == column->nulls) return true;
    if (column->is_text && column->ends.used == 0) bytes_add_number(&column->ends, 0);
    if (column_failed(column)) return false;
    Bytes *valid = column->nulls ? &column->valid : NULL;
    Bytes *texts[] = {valid, &column->ends, &column->values}, *numbers[] = {valid, &column->values};
    out->length = column->length;
    out->null_count = column->nulls;
    return column->is_text ? hand_over(out, texts, 3) : hand_over(out, numbers, 2);
}

bool list_export(Bytes *ends, int64_t length, struct ArrowArray *child, struct ArrowArray *out) {
    memset(out, 0, sizeof *out);
    struct ArrowArray **children = malloc(sizeof *children);
    struct ArrowArray *own = malloc(sizeof *own);
    Bytes *buffers[] = {NULL, ends};
    if (ends->failed || children == NULL || own == NULL || !hand_over(out, buffers, 2)) {
        free(children);
        free(own);
        return false;
    }
    *own = *child;
    child->release = NULL; /* moved */
    children[0] = own;
    out->length = length;
    out->n_children = 1;
    out->children = children;
    return true;
}

const uint8_t *view_at(const struct ArrowArray *views, int64_t row, size_t *size) {
    const uint8_t *valid = views->buffers[0];
    row += views->offset;
    if (valid != NULL && !(valid[row >> 3] >> (row & 7) & 1)) return NULL;
    const uint8_t *view = (const uint8_t *)views->buffers[1] + 16 * row;
    int32_t length, buffer, start;
    memcpy(&length, view, 4);
    *size = (size_t)length;
    if (length <= 12) return view + 4;
    memcpy(&buffer, view + 8, 4);
    memcpy(&start, view + 12, 4);
    return (const uint8_t *)views->buffers[2 + buffer] + start;
}

/* Raised whenever a function takes something else; `compiled.py` wants the same. */
EXPORTED int32_t lapwing_version(void) { return 3; }

/* Give back what was exported by us or by others. */
EXPORTED void lapwing_release(struct ArrowArray *array) {
    if (array->release != NULL) array->release(array);
}
