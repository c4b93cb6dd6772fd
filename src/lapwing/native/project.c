/* Fields of JSON records (RFC 8259) as columns, for records that are as expected; all others are left to whoever asks.

   A record is taken only if it is valid in every byte, every wanted field has the wanted type, and nothing is said twice:
   what is taken here is what any strict reader would have read. It is given up at the first doubt. */
#include <stdlib.h>
#include <string.h>

#include "arrow.h"

enum { DEPTH_MAX = 64, DIGITS_MAX = 18 };

/* What is wanted of a value. LIST wants its first elements, and how many there are; the others must fulfil the wishes of
   the last of these, and null is no element. RAW is any value, as it was written. */
enum Wish { ANY, OBJECT, LIST, TEXT, INTEGER, FLOAT, RAW };

/* Shared with `projection.py`. */
typedef struct {
    int32_t wish, column; /* of LIST the column of the length, of OBJECT that which says whether it is there, or -1 */
    int32_t first_child, children;
    int32_t key_start, key_size; /* the name of this field, in `keys` */
    uint64_t sizes; /* of the names of children: bit n is set where one has n bytes */
} Node;

typedef struct {
    enum { MISSING, SLICE, NUMBER } state;
    const uint8_t *at;
    size_t size;
    int64_t number;
} Slot;

typedef struct {
    const Node *nodes;
    const uint8_t *keys;
    const uint8_t *at, *end;
    Slot *slots;
    Bytes resolved; /* texts of the record at hand that had escapes */
    int depth;
    bool storing; /* false inside the second and later elements of lists */
} Reader;

static bool value(Reader *reader, const Node *node);

static inline void blanks(Reader *reader) {
    while (reader->at < reader->end && *reader->at <= ' ' && (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

static inline bool taken(Reader *reader, uint8_t mark) {
    if (reader->at >= reader->end || *reader->at != mark) return false;
    reader->at++;
    return true;
}

static bool word(Reader *reader, const char *letters, size_t size) {
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, letters, size) != 0) return false;
    reader->at += size;
    return true;
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

/* Skip an escape; its character in `*code`. A lone surrogate is none, and NUL, which texts lose, is left too. */
static bool escape(Reader *reader, uint32_t *code) {
    static const char MARKS[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    const uint8_t *at = reader->at + 1, *end = reader->end;
    const char *mark = at < end && *at ? strchr(MARKS, *at) : NULL;
    if (mark != NULL) {
        *code = (uint8_t)MEANT[mark - MARKS];
        reader->at += 2;
        return true;
    }
    int high, low;
    if (end - at < 5 || *at != 'u' || (high = hexadecimal(at + 1)) < 0) return false;
    reader->at += 6;
    *code = (uint32_t)high;
    if (high == 0) return false;
    if (high < 0xD800 || high > 0xDFFF) return true;
    if (high > 0xDBFF || end - at < 11 || at[5] != '\\' || at[6] != 'u' || (low = hexadecimal(at + 7)) < 0xDC00 || low > 0xDFFF) return false;
    reader->at += 6;
    *code = 0x10000 + (((uint32_t)high & 0x3FF) << 10) + ((uint32_t)low & 0x3FF);
    return true;
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

/* Resolve a text with escapes, from `from` on, the first escape being next; its place among the resolved ones is kept,
   since they still move. */
static bool resolve(Reader *reader, const uint8_t *from, Slot *slot) {
    size_t start = reader->resolved.used;
    for (const uint8_t *part = from;; part = reader->at) {
        const uint8_t *at = run(reader->at, reader->end);
        uint32_t code;
        if (at == NULL) return false;
        if (slot != NULL) bytes_add(&reader->resolved, part, (size_t)(at - part));
        reader->at = at;
        if (*at == '"') break;
        if (!escape(reader, &code)) return false;
        if (slot != NULL && !add_character(&reader->resolved, code)) return false;
    }
    reader->at++;
    if (slot != NULL) *slot = (Slot){.state = SLICE, .number = (int64_t)start, .size = reader->resolved.used - start};
    return true;
}

/* Read a text, the quote before it being taken, into a slot or nowhere. */
static inline bool text(Reader *reader, Slot *slot, bool *escaped) {
    const uint8_t *from = reader->at, *at = run(from, reader->end);
    if (at == NULL) return false;
    *escaped = *at == '\\';
    reader->at = at;
    if (*escaped) return resolve(reader, from, slot);
    reader->at++;
    if (slot != NULL) *slot = (Slot){.state = SLICE, .at = from, .size = (size_t)(at - from)};
    return true;
}

/* A number: `mantissa` divided by ten to the power of `figures`. */
typedef struct {
    int64_t mantissa;
    int figures;
} Decimal;

static bool digits(Reader *reader, Decimal *number, int *count) {
    const uint8_t *from = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        if (++*count > DIGITS_MAX) return false;
        number->mantissa = number->mantissa * 10 + (*reader->at++ - '0');
    }
    return reader->at > from;
}

/* Read a number; very long ones and exponents are left. */
static bool number(Reader *reader, Decimal *number) {
    bool negative = taken(reader, '-');
    const uint8_t *from = reader->at;
    int count = 0;
    *number = (Decimal){0, 0};
    if (!digits(reader, number, &count) || (*from == '0' && count > 1)) return false;
    if (taken(reader, '.')) {
        int whole = count;
        if (!digits(reader, number, &count)) return false;
        number->figures = count - whole;
    }
    if (reader->at < reader->end && (*reader->at | 32) == 'e') return false;
    if (negative) number->mantissa = -number->mantissa;
    return negative ? number->mantissa != 0 : true;
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

static const Node NOTHING = {.wish = ANY, .column = -1};

/* Read an object, the brace before it being taken. */
static bool object(Reader *reader, const Node *node) {
    uint32_t seen = 0;
    int hint = 0;
    blanks(reader);
    if (taken(reader, '}')) return true;
    for (;;) {
        bool escaped;
        if (!taken(reader, '"')) return false;
        const uint8_t *key = reader->at;
        if (!text(reader, NULL, &escaped)) return false;
        size_t size = (size_t)(reader->at - 1 - key);
        blanks(reader);
        if (!taken(reader, ':')) return false;
        const Node *child = NULL;
        if (node->wish == OBJECT) {
            if (escaped) return false;
            child = child_of(reader, node, key, size, &hint);
            if (child != NULL) {
                uint32_t bit = 1u << (child - reader->nodes - node->first_child);
                if (seen & bit) return false;
                seen |= bit;
            }
        }
        blanks(reader);
        if (!value(reader, child != NULL ? child : &NOTHING)) return false;
        blanks(reader);
        if (taken(reader, '}')) return true;
        if (!taken(reader, ',')) return false;
        blanks(reader);
    }
}

/* Read a list, the bracket before it being taken. */
static bool list(Reader *reader, const Node *node) {
    const Node *element = node->wish == LIST ? &reader->nodes[node->first_child] : &NOTHING;
    bool storing = reader->storing;
    int64_t count = 0;
    blanks(reader);
    if (!taken(reader, ']')) {
        for (;;) {
            if (node->wish == LIST && reader->at < reader->end && *reader->at == 'n') return false;
            if (!value(reader, element)) return false;
            count++;
            if (count < node->children)
                element++;
            else
                reader->storing = false;
            blanks(reader);
            if (taken(reader, ']')) break;
            if (!taken(reader, ',')) return false;
            blanks(reader);
        }
    }
    reader->storing = storing;
    if (node->wish == LIST && storing) reader->slots[node->column] = (Slot){.state = NUMBER, .number = count};
    return true;
}

/* Read a value of any type; false where it has not the one that is wanted. */
static bool value_of_type(Reader *reader, const Node *node) {
    Decimal decimal;
    bool escaped;
    Slot *slot = reader->storing && node->column >= 0 ? &reader->slots[node->column] : NULL;
    if (reader->at >= reader->end) return false;
    switch (*reader->at) {
    case '"':
        reader->at++;
        return (node->wish == ANY || node->wish == RAW || node->wish == TEXT) && text(reader, node->wish == TEXT ? slot : NULL, &escaped);
    case '{':
        reader->at++;
        if ((node->wish != ANY && node->wish != RAW && node->wish != OBJECT) || !object(reader, node)) return false;
        if (node->wish == OBJECT && node->column >= 0 && slot != NULL) *slot = (Slot){.state = NUMBER, .number = 1};
        return true;
    case '[':
        reader->at++;
        return (node->wish == ANY || node->wish == RAW || node->wish == LIST) && list(reader, node);
    case 'n':
        return word(reader, "null", 4);
    case 't':
        return (node->wish == ANY || node->wish == RAW) && word(reader, "true", 4);
    case 'f':
        return (node->wish == ANY || node->wish == RAW) && word(reader, "false", 5);
    default:
        if (node->wish == OBJECT || node->wish == LIST || node->wish == TEXT || !number(reader, &decimal)) return false;
        return node->wish == ANY || node->wish == RAW || keep_number(node, &decimal, slot);
    }
}

static bool value(Reader *reader, const Node *node) {
    const uint8_t *from = reader->at;
    if (++reader->depth > DEPTH_MAX || !value_of_type(reader, node)) return false;
    reader->depth--;
    if (node->wish == RAW && reader->storing && *from != 'n')
        reader->slots[node->column] = (Slot){.state = SLICE, .at = from, .size = (size_t)(reader->at - from)};
    return true;
}

static bool record(Reader *reader) {
    reader->depth = 0;
    reader->storing = true;
    reader->resolved.used = 0;
    blanks(reader);
    if (reader->at >= reader->end || *reader->at != '{' || !value(reader, reader->nodes)) return false;
    blanks(reader);
    return reader->at == reader->end;
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
        reader.at = bytes + starts[row];
        reader.end = bytes + ends[row];
        memset(reader.slots, 0, sizeof(Slot) * (size_t)n_columns);
        bool found = record(&reader);
        left[row] = !found;
        write(&reader, columns, n_columns, found);
        well = !reader.resolved.failed;
    }
    int64_t exported = 0;
    while (well && exported < n_columns) well = column_export(&columns[exported], &out[exported]) && ++exported;
    if (!well)
        while (exported-- > 0) out[exported].release(&out[exported]);
    for (int64_t i = 0; columns != NULL && i < n_columns; i++) column_free(&columns[i]);
    bytes_free(&reader.resolved);
    free(columns);
    free(reader.slots);
    return well ? 0 : 1;
}
