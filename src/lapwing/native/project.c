/* Fields of JSON records (RFC 8259) as columns, for records that are as expected; all others are left to whoever asks.

   A record is taken only if it is valid in every byte, every wanted field has the wanted type, and nothing is said twice:
   what is taken here is what any strict reader would have read. It is given up at the first doubt. */
#include <stdlib.h>
#include <string.h>

#include "arrow.h"

enum { DEPTH_MAX = 64, DIGITS_MAX = 18 };

/* What is wanted of a value. LIST wants its first elements, and how many there are; the others must fulfil the wishes of
   the last of these, and null is no element. RAW is any value, as it was written. */
enum Wish { OBJECT, LIST, TEXT, INTEGER, FLOAT, RAW };

/* Shared with `projection.py`. */
typedef struct {
    int32_t wish, column; /* of LIST the column of the length, of OBJECT that which says whether it is there, or -1 */
    int32_t first_child, children;
    int32_t key_start, key_size; /* the name of this field, in `keys` */
    uint64_t sizes; /* of the names of children: bit n is set where one has n bytes */
} Node;

typedef struct {
    enum { MISSING, SLICE, NUMBER } state;
    const uint8_t *at; /* of a SLICE; NULL where it is among the resolved texts, and `number` says where */
    size_t size;
    int64_t number;
} Slot;

typedef struct {
    const Node *nodes;
    const uint8_t *keys, *end;
    Slot *slots;
    Bytes resolved; /* texts of the record at hand that had escapes */
    bool storing;   /* false inside elements of lists that are not wanted */
} Reader;

/* All that follows moves over a part of a record: it takes where the part begins and gives where it ends, or NULL at a
   doubt. */
typedef const uint8_t *Place;

static Place value(Reader *reader, const Node *node, Place at);

static inline Place past_blanks(Place at, Place end) {
    while (at < end && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
    return at;
}

static Place past_word(Place at, Place end, const char *letters, size_t size) {
    return (size_t)(end - at) >= size && memcmp(at, letters, size) == 0 ? at + size : NULL;
}

/* The bytes of the character at `at`, which is not ASCII, if it is valid UTF-8 (Unicode, table 3-7); 0 if not. */
static size_t utf8(const uint8_t *at, const uint8_t *end) {
    uint8_t first = at[0], low = 0x80, high = 0xBF;
    size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (size == 0 || (size_t)(end - at) < size) return 0;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    return size;
}

/* How many of eight bytes come before the first that is a quote, a backslash, a control character, or not ASCII (after
   H. Warren, Hacker's Delight, 6-1). */
static size_t usual(const uint8_t *at) {
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t bytes;
    memcpy(&bytes, at, 8);
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) bytes = __builtin_bswap64(bytes);
    uint64_t quote = bytes ^ ones * '"', backslash = bytes ^ ones * '\\';
    uint64_t special = (bytes | (bytes - ones * 0x20) | (quote - ones) | (backslash - ones)) & highs;
    return special ? (size_t)__builtin_ctzll(special) / 8 : 8;
}

static int hexadecimal(const uint8_t *at) {
    int number = 0;
    for (int i = 0; i < 4; i++) {
        int digit = at[i] >= '0' && at[i] <= '9' ? at[i] - '0' : (at[i] | 32) >= 'a' && (at[i] | 32) <= 'f' ? (at[i] | 32) - 'a' + 10 : -1;
        if (digit < 0) return -1;
        number = number << 4 | digit;
    }
    return number;
}

/* An escape, and its character. A lone surrogate is none, and NUL, which texts lose, is left too. */
static Place past_escape(Place at, Place end, uint32_t *code) {
    static const char MARKS[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    const char *mark = ++at < end && *at ? strchr(MARKS, *at) : NULL;
    if (mark != NULL) {
        *code = (uint8_t)MEANT[mark - MARKS];
        return at + 1;
    }
    int high, low;
    if (end - at < 5 || *at != 'u' || (high = hexadecimal(at + 1)) <= 0) return NULL;
    *code = (uint32_t)high;
    if (high < 0xD800 || high > 0xDFFF) return at + 5;
    if (high > 0xDBFF || end - at < 11 || at[5] != '\\' || at[6] != 'u' || (low = hexadecimal(at + 7)) < 0xDC00 || low > 0xDFFF) return NULL;
    *code = 0x10000 + (((uint32_t)high & 0x3FF) << 10) + ((uint32_t)low & 0x3FF);
    return at + 11;
}

static bool add_character(Bytes *bytes, uint32_t code) {
    uint8_t *to = bytes_room(bytes, 4);
    if (to == NULL) return false;
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t LEADS[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--, code >>= 6) to[i] = (uint8_t)(0x80 | (code & 0x3F));
    to[0] = (uint8_t)(LEADS[size] | code);
    bytes->used += size;
    return true;
}

/* Skip to the next quote or backslash; NULL where the text is not valid. */
static inline const uint8_t *run(const uint8_t *at, const uint8_t *end) {
    for (;;) {
        size_t step = 8;
        while (end - at >= 8 && (step = usual(at)) == 8) at += 8;
        if (step < 8) at += step;
        if (at >= end) return NULL;
        if (*at == '"' || *at == '\\') return at;
        size_t size = *at >= 0x80 ? utf8(at, end) : *at >= 0x20;
        if (size == 0) return NULL;
        at += size;
    }
}

/* The rest of a text from an escape on, its quote included. */
static Place past_escapes(Place at, Place end) {
    uint32_t code;
    while (at != NULL && *at != '"')
        if ((at = past_escape(at, end, &code)) != NULL) at = run(at, end);
    return at == NULL ? NULL : at + 1;
}

/* The same, of a text that began at `from`, into a slot. Resolved texts may still move, so their place is kept. */
static Place resolve(Reader *reader, Place from, Place at, Slot *slot) {
    size_t start = reader->resolved.used;
    uint32_t code;
    bytes_add(&reader->resolved, from, (size_t)(at - from));
    while (*at != '"') {
        Place part = past_escape(at, reader->end, &code);
        if (part == NULL || !add_character(&reader->resolved, code) || (at = run(part, reader->end)) == NULL) return NULL;
        bytes_add(&reader->resolved, part, (size_t)(at - part));
    }
    *slot = (Slot){.state = SLICE, .number = (int64_t)start, .size = reader->resolved.used - start};
    return at + 1;
}

/* A number: `mantissa` divided by ten to the power of `figures`. */
typedef struct {
    int64_t mantissa;
    int figures;
} Decimal;

static Place past_digits(Place at, Place end, Decimal *number, int *count) {
    Place from = at;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (++*count > DIGITS_MAX) return NULL;
        number->mantissa = number->mantissa * 10 + (*at - '0');
    }
    return at > from ? at : NULL;
}

/* A number; very long ones, exponents and minus nothing are left. */
static Place past_number(Place at, Place end, Decimal *number) {
    bool negative = at < end && *at == '-';
    Place from = at += negative;
    int count = 0;
    *number = (Decimal){0, 0};
    if ((at = past_digits(at, end, number, &count)) == NULL || (*from == '0' && count > 1)) return NULL;
    if (at < end && *at == '.') {
        int whole = count;
        if ((at = past_digits(at + 1, end, number, &count)) == NULL) return NULL;
        number->figures = count - whole;
    }
    if (at < end && (*at | 32) == 'e') return NULL;
    if (!negative) return at;
    number->mantissa = -number->mantissa;
    return number->mantissa ? at : NULL;
}

/* Keep a number; false where it is not of the wanted kind, or its nearest double is not found by one division of two
   exact ones (W. D. Clinger, How to read floating point numbers accurately, 1990). */
static bool keep_number(const Node *node, const Decimal *number, Slot *slot) {
    static const double TENS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    const int64_t exact = (int64_t)1 << 53;
    int64_t bits = number->mantissa;
    if (node->wish == INTEGER && number->figures) return false;
    if (node->wish == FLOAT) {
        if (bits > exact || bits < -exact) return false;
        double value = (double)bits / TENS[number->figures];
        memcpy(&bits, &value, sizeof bits);
    }
    if (slot != NULL) *slot = (Slot){.state = NUMBER, .number = bits};
    return true;
}

/* A value without another in it, of any kind. */
static Place past_scalar(Place at, Place end) {
    Decimal number;
    switch (*at) {
    case '"':
        at = run(at + 1, end);
        return at != NULL && *at == '"' ? at + 1 : past_escapes(at, end);
    case 'n':
        return past_word(at, end, "null", 4);
    case 't':
        return past_word(at, end, "true", 4);
    case 'f':
        return past_word(at, end, "false", 5);
    default:
        return past_number(at, end, &number);
    }
}

/* The name of a field and the colon behind it. */
static inline Place past_name(Place at, Place end) {
    if (at >= end || *at != '"') return NULL;
    at = run(at + 1, end);
    at = at != NULL && *at == '"' ? at + 1 : past_escapes(at, end);
    if (at == NULL) return NULL;
    at = past_blanks(at, end);
    return at < end && *at == ':' ? past_blanks(at + 1, end) : NULL;
}

/* A value of any kind, followed without recursion: a bit for each level says whether it is an object. */
static Place past_value(Place at, Place end) {
    uint64_t objects = 0;
    for (int depth = 0;;) {
        if (at == NULL || at >= end) return NULL;
        if (*at == '{' || *at == '[') {
            bool is_object = *at == '{';
            if (depth == DEPTH_MAX) return NULL;
            at = past_blanks(at + 1, end);
            if (at < end && *at == (is_object ? '}' : ']')) {
                at++;
            } else {
                objects = objects << 1 | is_object;
                depth++;
                if (is_object) at = past_name(at, end);
                continue;
            }
        } else if ((at = past_scalar(at, end)) == NULL) {
            return NULL;
        }
        for (;;) {
            if (depth == 0) return at;
            at = past_blanks(at, end);
            if (at >= end) return NULL;
            if (*at == ',') break;
            if (*at++ != (objects & 1 ? '}' : ']')) return NULL;
            objects >>= 1;
            depth--;
        }
        at = past_blanks(at + 1, end);
        if (objects & 1) at = past_name(at, end);
    }
}

static const Node *child_of(const Reader *reader, const Node *node, const uint8_t *key, size_t size, int *hint) {
    if (size > 63 || !(node->sizes >> size & 1)) return NULL;
    for (int i = 0, which = *hint; i < node->children; i++, which++) {
        if (which >= node->children) which = 0;
        const Node *child = &reader->nodes[node->first_child + which];
        if ((size_t)child->key_size == size && memcmp(reader->keys + child->key_start, key, size) == 0) {
            *hint = which + 1;
            return child;
        }
    }
    return NULL;
}

/* An object of which fields are wanted, its brace being at `at`. */
static Place object(Reader *reader, const Node *node, Place at) {
    Place end = reader->end;
    uint32_t seen = 0;
    int hint = 0;
    at = past_blanks(at + 1, end);
    if (at < end && *at == '}') return at + 1;
    for (;;) {
        Place key = at + 1;
        if (at >= end || *at != '"' || (at = run(key, end)) == NULL || *at != '"') return NULL;
        const Node *child = child_of(reader, node, key, (size_t)(at - key), &hint);
        at = past_blanks(at + 1, end);
        if (at >= end || *at != ':') return NULL;
        at = past_blanks(at + 1, end);
        if (child != NULL) {
            uint32_t bit = 1u << (child - reader->nodes - node->first_child);
            if (seen & bit) return NULL;
            seen |= bit;
            at = value(reader, child, at);
        } else {
            at = past_value(at, end);
        }
        if (at == NULL) return NULL;
        at = past_blanks(at, end);
        if (at >= end) return NULL;
        if (*at == '}') return at + 1;
        if (*at != ',') return NULL;
        at = past_blanks(at + 1, end);
    }
}

/* A list of which elements are wanted, its bracket being at `at`. */
static Place list(Reader *reader, const Node *node, Place at) {
    const Node *element = &reader->nodes[node->first_child];
    Place end = reader->end;
    bool storing = reader->storing;
    int64_t count = 0;
    at = past_blanks(at + 1, end);
    if (at < end && *at == ']') {
        at++;
    } else {
        for (;;) {
            if (at >= end || *at == 'n' || (at = value(reader, element, at)) == NULL) return NULL;
            if (++count < node->children)
                element++;
            else
                reader->storing = false;
            at = past_blanks(at, end);
            if (at >= end) return NULL;
            if (*at++ == ']') break;
            if (at[-1] != ',') return NULL;
            at = past_blanks(at, end);
        }
    }
    reader->storing = storing;
    if (storing) reader->slots[node->column] = (Slot){.state = NUMBER, .number = count};
    return at;
}

/* A value of which something is wanted; it must be of the wanted type, or null. */
static Place value(Reader *reader, const Node *node, Place at) {
    Slot *slot = reader->storing && node->column >= 0 ? &reader->slots[node->column] : NULL;
    Place from = at, end = reader->end;
    Decimal decimal;
    if (at >= end) return NULL;
    if (*at == 'n') return past_word(at, end, "null", 4);
    switch (node->wish) {
    case OBJECT:
        if (*at != '{' || (at = object(reader, node, at)) == NULL) return NULL;
        if (slot != NULL) *slot = (Slot){.state = NUMBER, .number = 1};
        return at;
    case LIST:
        return *at == '[' ? list(reader, node, at) : NULL;
    case TEXT:
        if (*at != '"' || (at = run(++from, end)) == NULL) return NULL;
        if (*at != '"') return slot != NULL ? resolve(reader, from, at, slot) : past_escapes(at, end);
        if (slot != NULL) *slot = (Slot){.state = SLICE, .at = from, .size = (size_t)(at - from)};
        return at + 1;
    case RAW:
        if ((at = past_value(at, end)) != NULL && slot != NULL) *slot = (Slot){.state = SLICE, .at = from, .size = (size_t)(at - from)};
        return at;
    default:
        at = past_number(at, end, &decimal);
        return at != NULL && keep_number(node, &decimal, slot) ? at : NULL;
    }
}

static bool record(Reader *reader, Place at) {
    reader->storing = true;
    reader->resolved.used = 0;
    at = past_blanks(at, reader->end);
    if (at >= reader->end || *at != '{') return false;
    at = value(reader, reader->nodes, at);
    return at != NULL && past_blanks(at, reader->end) == reader->end;
}

/* Write what was found in a record, or nulls. */
static void write(const Reader *reader, Column *columns, int64_t n, bool found) {
    for (int64_t i = 0; i < n; i++) {
        const Slot *slot = &reader->slots[i];
        if (!found || slot->state == MISSING)
            column_add_null(&columns[i]);
        else if (slot->state == NUMBER)
            column_add_number(&columns[i], slot->number);
        else
            column_add_text(&columns[i], slot->at != NULL ? slot->at : reader->resolved.data + slot->number, slot->size);
    }
}

/* Columns of the records of which `starts` and `ends` say where they are in `bytes`. `nodes[0]` is the record itself. `left[row]` is set where a record was left, and all its fields are null.
   Returns 0, or 1 where memory ran out. */
EXPORTED int lapwing_project(
    const uint8_t *bytes, const int64_t *starts, const int64_t *ends, int64_t length, const Node *nodes, const uint8_t *keys,
    const uint8_t *is_text, int64_t n_columns, uint8_t *left, struct ArrowArray *out) {
    Reader reader = {.nodes = nodes, .keys = keys, .slots = calloc((size_t)n_columns + 1, sizeof(Slot))};
    Column *columns = calloc((size_t)n_columns + 1, sizeof *columns);
    bool well = reader.slots != NULL && columns != NULL;
    for (int64_t i = 0; well && i < n_columns; i++) column_begin(&columns[i], is_text[i]);
    for (int64_t row = 0; well && row < length; row++) {
        reader.end = bytes + ends[row];
        memset(reader.slots, 0, sizeof(Slot) * (size_t)n_columns);
        bool found = record(&reader, bytes + starts[row]);
        left[row] = !found;
        write(&reader, columns, n_columns, found);
        well = !reader.resolved.failed;
    }
    int64_t exported = 0;
    while (well && exported < n_columns) well = column_export(&columns[exported], &out[exported]) && ++exported;
    if (!well)
        while (exported-- > 0)
            if (out[exported].release != NULL) out[exported].release(&out[exported]);
    for (int64_t i = 0; columns != NULL && i < n_columns; i++) column_free(&columns[i]);
    bytes_free(&reader.resolved);
    free(columns);
    free(reader.slots);
    return well ? 0 : 1;
}
