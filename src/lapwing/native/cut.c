/* Texts into search terms and their hashes, as `text.words` does it; what is unusual is left to that.

   A text goes through three passes: its characters are folded by the table of `text.characters`; signs of hashtags and
   mentions are settled; and terms are written, with the hash of each. */
#include <stdlib.h>
#include <string.h>

#include "arrow.h"

/* What `text.characters` says of a character; tested to be the same. */
enum { SEPARATOR = 0x1E, HASHTAG = 0x1C, MENTION = 0x1D, SPACE = 0x20 };
enum { UNSPACED = 1 << 24, JOINS = 1 << 25, DOUBLE = 1 << 26, TABLE_SIZE = 0x20000, HAN_END = 0x323B0 };
enum { TAG_CHARACTERS_MAX = 60, TERM_BYTES_MAX = 128, PREFIX_CHARACTERS = 3 };

typedef struct {
    const int32_t *table, *second;
    uint32_t *codes; /* of the text at hand, with a separator before and after */
    size_t length, room;
    Column terms, hashes;
    /* Where the terms of the text at hand are written, in room that was made for them. */
    uint8_t *begin, *to; /* of one term */
    int64_t *end;
    uint64_t *hash;
    size_t characters, prefix;
    bool hard, pairs;
} Cut;

/* XXH3 of 64 bits, up to 128 bytes, seed 0, after the specification of Y. Collet (github.com/Cyan4973/xxHash, doc). */
static const uint8_t SECRET[128] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
};

static uint64_t word64(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(word) : word;
}

static uint64_t word32(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, 4);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(word) : word;
}

static uint64_t turned(uint64_t word, int bits) { return word << bits | word >> (64 - bits); }

static uint64_t folded_product(uint64_t one, uint64_t other) {
    unsigned __int128 product = (unsigned __int128)one * other;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t avalanche(uint64_t hash) {
    hash = (hash ^ hash >> 37) * 0x165667919E3779F9u;
    return hash ^ hash >> 32;
}

static uint64_t mixed(const uint8_t *at, int secret) {
    return folded_product(word64(at) ^ word64(SECRET + secret), word64(at + 8) ^ word64(SECRET + secret + 8));
}

static uint64_t hash_of(const uint8_t *at, size_t size) {
    if (size <= 3) {
        uint64_t hash = (uint64_t)at[0] << 16 | (uint64_t)at[size >> 1] << 24 | at[size - 1] | (uint64_t)size << 8;
        hash ^= word32(SECRET) ^ word32(SECRET + 4);
        hash = (hash ^ hash >> 33) * 0xC2B2AE3D27D4EB4Fu;
        hash = (hash ^ hash >> 29) * 0x165667B19E3779F9u;
        return hash ^ hash >> 32;
    }
    if (size <= 8) {
        uint64_t hash = (word32(at) << 32) + word32(at + size - 4);
        hash ^= word64(SECRET + 8) ^ word64(SECRET + 16);
        hash = (hash ^ turned(hash, 49) ^ turned(hash, 24)) * 0x9FB21C651E98DF25u;
        hash = (hash ^ ((hash >> 35) + size)) * 0x9FB21C651E98DF25u;
        return hash ^ hash >> 28;
    }
    if (size <= 16) {
        uint64_t low = word64(at) ^ word64(SECRET + 24) ^ word64(SECRET + 32);
        uint64_t high = word64(at + size - 8) ^ word64(SECRET + 40) ^ word64(SECRET + 48);
        return avalanche(size + __builtin_bswap64(low) + high + folded_product(low, high));
    }
    uint64_t hash = size * 0x9E3779B185EBCA87u;
    for (int pair = (int)(size - 1) / 32; pair >= 0; pair--)
        hash += mixed(at + 16 * pair, 32 * pair) + mixed(at + size - 16 * (pair + 1), 32 * pair + 16);
    return avalanche(hash);
}

/* The length of a web address here, `https?://[!-~]+`, or 0. */
static size_t address(const uint8_t *at, const uint8_t *end) {
    if (end - at < 8 || memcmp(at, "http", 4) != 0) return 0;
    const uint8_t *to = at + 4 + (at[4] == 's');
    if (end - to < 4 || memcmp(to, "://", 3) != 0) return 0;
    to += 3;
    const uint8_t *first = to;
    while (to < end && *to >= '!' && *to <= '~') to++;
    return to > first ? (size_t)(to - at) : 0;
}

/* Fold a text into codes; false where memory ran out. */
static bool fold(Cut *cut, const uint8_t *text, size_t size) {
    if (cut->room < 2 * size + 3) {
        uint32_t *codes = realloc(cut->codes, sizeof *codes * (3 * size + 64));
        if (codes == NULL) return false;
        cut->codes = codes;
        cut->room = 3 * size + 64;
    }
    uint32_t *to = cut->codes;
    const uint8_t *end = text + size;
    *to++ = SEPARATOR;
    while (text < end) {
        size_t skipped = *text == 'h' ? address(text, end) : 0;
        if (skipped) {
            text += skipped;
            *to++ = SPACE;
            continue;
        }
        uint32_t code = next_character(&text), folded;
        if (code < TABLE_SIZE)
            folded = (uint32_t)cut->table[code];
        else
            folded = code < HAN_END ? code | UNSPACED : SPACE;
        if (folded == 0) continue;
        if (folded >= JOINS) {
            if (folded < DOUBLE) { cut->hard = true; return true; }
            *to++ = folded ^ DOUBLE;
            folded = (uint32_t)cut->second[code];
        }
        *to++ = folded == SEPARATOR ? SPACE : folded;
    }
    *to++ = SEPARATOR;
    cut->length = (size_t)(to - cut->codes);
    return true;
}

static uint32_t plain(uint32_t code) { return code & (UNSPACED - 1); }

static bool is_word(uint32_t code) { return plain(code) > SPACE; }

/* Put # and @ back where they begin a word, and a space where they do not. Whether there are unspaced characters. */
static bool settle_signs(Cut *cut) {
    uint32_t *codes = cut->codes, before = SEPARATOR, all = 0;
    for (size_t i = 1; i + 1 < cut->length; i++) {
        uint32_t code = codes[i];
        if (code == HASHTAG || code == MENTION) {
            bool opens = !is_word(before) && is_word(codes[i + 1]);
            codes[i] = !opens ? SPACE : code == HASHTAG ? '#' : '@';
        }
        before = code;
        all |= code;
    }
    return (all & UNSPACED) != 0;
}

static void put(Cut *cut, uint32_t code) {
    uint8_t *to = cut->to;
    if (code < 0x80) {
        *to++ = (uint8_t)code;
    } else if (code < 0x800) {
        *to++ = (uint8_t)(0xC0 | code >> 6);
        *to++ = (uint8_t)(0x80 | (code & 0x3F));
    } else {
        if (code < 0x10000) {
            *to++ = (uint8_t)(0xE0 | code >> 12);
        } else {
            *to++ = (uint8_t)(0xF0 | code >> 18);
            *to++ = (uint8_t)(0x80 | (code >> 12 & 0x3F));
        }
        *to++ = (uint8_t)(0x80 | (code >> 6 & 0x3F));
        *to++ = (uint8_t)(0x80 | (code & 0x3F));
    }
    cut->to = to;
    if (++cut->characters == PREFIX_CHARACTERS) cut->prefix = (size_t)(to - cut->begin);
}

/* End the term that is being written, if there is one. */
static void end_term(Cut *cut) {
    size_t size = (size_t)(cut->to - cut->begin);
    if (size == 0) return;
    if (size > TERM_BYTES_MAX) {
        cut->hard = true;
        return;
    }
    uint64_t whole = hash_of(cut->begin, size);
    uint64_t start = cut->characters <= PREFIX_CHARACTERS ? whole : hash_of(cut->begin, cut->prefix);
    *cut->hash++ = (whole & ~(uint64_t)0xFFFF) | (start & 0xFFFF);
    *cut->end++ = cut->to - cut->terms.values.data;
    cut->begin = cut->to;
    cut->characters = 0;
}

/* Write the terms between two codes. In pairs, each character of an unspaced script begins one, and takes its neighbour
   along; otherwise runs of such a script stay whole. */
static void write_terms(Cut *cut) {
    const uint32_t *codes = cut->codes;
    for (size_t i = 1; i + 1 < cut->length && !cut->hard; i++) {
        uint32_t code = codes[i];
        if (!is_word(code)) {
            end_term(cut);
        } else if (!cut->pairs) {
            if ((code < UNSPACED) != (codes[i - 1] < UNSPACED)) end_term(cut);
            put(cut, plain(code));
        } else if (code < UNSPACED) {
            put(cut, code);
        } else {
            end_term(cut);
            put(cut, plain(code));
            if (codes[i + 1] >= UNSPACED) put(cut, plain(codes[i + 1]));
            end_term(cut);
        }
    }
    end_term(cut);
}

/* A hashtag of an unspaced script is cut like other words, and stands whole behind all others. Returns where it ends if
   the one at `i` is such a tag; 0 if not. `*whole`: it is not too long to stand there. */
static size_t unspaced_tag(const Cut *cut, size_t i, bool *whole) {
    bool unspaced = false;
    size_t to = i + 1;
    while (to <= i + TAG_CHARACTERS_MAX + 1 && to < cut->length && is_word(cut->codes[to])) unspaced |= cut->codes[to++] >= UNSPACED;
    *whole = to <= i + TAG_CHARACTERS_MAX + 1;
    return unspaced ? to : 0;
}

/* Cut the codes; signs before unspaced words are taken for spaces. */
static void cut_codes(Cut *cut, bool has_unspaced) {
    uint32_t *codes = cut->codes;
    if (!has_unspaced) {
        write_terms(cut);
        return;
    }
    size_t tags[64], n = 0;
    bool whole;
    for (size_t i = 1; i + 1 < cut->length; i++)
        if (codes[i] == '@' && codes[i + 1] >= UNSPACED) codes[i] = SPACE;
    for (size_t i = 1; i + 1 < cut->length; i++) {
        if (codes[i] != '#' || unspaced_tag(cut, i, &whole) == 0) continue;
        codes[i] = SPACE;
        if (!whole) continue;
        if (n == sizeof tags / sizeof *tags) { cut->hard = true; return; }
        tags[n++] = i;
    }
    write_terms(cut);
    for (size_t tag = 0; tag < n && !cut->hard; tag++) {
        put(cut, '#');
        for (size_t i = tags[tag] + 1; is_word(codes[i]); i++) put(cut, plain(codes[i]));
        end_term(cut);
    }
}

/* Room for the terms of a text of so many codes: each stands in at most two terms and once in a hashtag. */
static bool make_room(Cut *cut) {
    Column *terms = &cut->terms, *hashes = &cut->hashes;
    cut->begin = cut->to = bytes_room(&terms->values, 12 * cut->length);
    cut->end = (int64_t *)(void *)bytes_room(&terms->ends, 16 * cut->length);
    cut->hash = (uint64_t *)(void *)bytes_room(&hashes->values, 16 * cut->length);
    cut->characters = 0;
    return cut->to != NULL && cut->end != NULL && cut->hash != NULL;
}

/* Keep the terms that were written. */
static void keep(Cut *cut) {
    Column *terms = &cut->terms, *hashes = &cut->hashes;
    terms->values.used = (size_t)(cut->to - terms->values.data);
    terms->ends.used = (size_t)((uint8_t *)cut->end - terms->ends.data);
    hashes->values.used = (size_t)((uint8_t *)cut->hash - hashes->values.data);
    terms->length = hashes->length = (int64_t)(hashes->values.used / sizeof *cut->hash);
}

/* Cut one text; false where memory ran out. */
static bool cut_text(Cut *cut, const uint8_t *text, size_t size) {
    cut->hard = false;
    if (!fold(cut, text, size)) return false;
    if (cut->hard) return true;
    if (!make_room(cut)) return false;
    bool has_unspaced = settle_signs(cut);
    cut_codes(cut, has_unspaced);
    if (!cut->hard) keep(cut);
    return true;
}

/* The terms of each text and the hash of each, both as lists. `hard[row]` is set where a text was left, with no terms.
   Returns 0, or 1 where memory ran out. */
EXPORTED int lapwing_cut(
    const struct ArrowArray *texts, const int32_t *table, const int32_t *second, int32_t pairs, uint8_t *hard,
    struct ArrowArray *terms_out, struct ArrowArray *hashes_out) {
    Cut cut = {.table = table, .second = second, .pairs = pairs};
    Bytes ends = {0}, same_ends = {0};
    struct ArrowArray terms = {0}, hashes = {0};
    bool well = true;
    column_begin(&cut.terms, true);
    column_begin(&cut.hashes, false);
    bytes_add_number(&cut.terms.ends, 0);
    bytes_add_number(&ends, 0);
    for (int64_t row = 0; well && row < texts->length; row++) {
        size_t size = 0;
        const uint8_t *text = view_at(texts, row, &size);
        if (text != NULL) well = cut_text(&cut, text, size);
        hard[row] = text == NULL || cut.hard;
        bytes_add_number(&ends, cut.terms.length);
    }
    free(cut.codes);
    bytes_add(&same_ends, ends.data, ends.used);
    well = well && column_export(&cut.terms, &terms) && column_export(&cut.hashes, &hashes) &&
           list_export(&ends, texts->length, &terms, terms_out) && list_export(&same_ends, texts->length, &hashes, hashes_out);
    if (!well) {
        struct ArrowArray *made[] = {&terms, &hashes, terms_out, hashes_out};
        for (int i = 0; i < 4; i++)
            if (made[i]->release != NULL) made[i]->release(made[i]);
    }
    column_free(&cut.terms);
    column_free(&cut.hashes);
    bytes_free(&ends);
    bytes_free(&same_ends);
    return well ? 0 : 1;
}
