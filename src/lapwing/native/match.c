/* Names among terms, as `places.mentions` finds them: a gate lets through what may begin a name, and a table of keys says
   what does. A key is made of the hashes of a name's terms, one after the other. */
#include <stdbool.h>
#include <stdint.h>

#include "arrow.h"

/* Shared with `matching.py`. */
typedef struct {
    const uint8_t *gate;    /* whether a key may begin a name, by two groups of its highest bits */
    const uint64_t *keys;   /* sorted */
    const int64_t *index;   /* for each group of highest bits, the first key that is not below it */
    const int64_t *counts;  /* of each key; 0 where it only begins names */
    uint64_t mix;           /* a key times this and one more hash is the key of both */
    int32_t gate_bits, index_bits;
} Names;

static bool may_begin(const Names *names, uint64_t key) {
    uint64_t mask = ((uint64_t)1 << names->gate_bits) - 1;
    return names->gate[key >> (64 - names->gate_bits)] && names->gate[key >> (64 - 2 * names->gate_bits) & mask];
}

static int64_t slot_of(const Names *names, uint64_t key) {
    uint64_t group = key >> (64 - names->index_bits);
    for (int64_t slot = names->index[group]; slot < names->index[group + 1]; slot++)
        if (names->keys[slot] == key) return slot;
    return -1;
}

/* The longest name that begins at a term; how many terms it has, or 0. */
static int64_t longest(const Names *names, const uint64_t *hashes, const uint32_t *texts, int64_t left, int64_t *slot) {
    uint64_t key = hashes[0];
    int64_t found = 0;
    for (int64_t words = 1;; words++) {
        int64_t here = slot_of(names, key);
        if (here < 0) return found;
        if (names->counts[here] > 0) {
            found = words;
            *slot = here;
        }
        if (words == left || texts[words] != texts[0]) return found;
        key = key * names->mix + hashes[words];
    }
}

/* Write start, number of terms and slot of each name into arrays that hold `length`; names that begin inside one before
   are left out. Returns how many there are. */
EXPORTED int64_t lapwing_match(
    const Names *names, const uint64_t *hashes, const uint32_t *texts, int64_t length, int64_t *starts, int64_t *words, int64_t *slots) {
    int64_t n = 0, free_from = 0;
    for (int64_t i = 0; i < length; i++) {
        bool next = i + 1 < length;
        if (!may_begin(names, hashes[i]) && !(next && may_begin(names, hashes[i] * names->mix + hashes[i + 1]))) continue;
        int64_t slot = 0, size = longest(names, hashes + i, texts + i, length - i, &slot);
        if (size == 0) continue;
        if (i >= free_from) {
            starts[n] = i;
            words[n] = size;
            slots[n++] = slot;
        }
        if (i + size > free_from) free_from = i + size;
    }
    return n;
}
