/* The rows of some terms in a chunk of the index; how a chunk lies is said in `ledger/sqlite/postings.py`. */
#include "arrow.h"

enum { COUNT_BYTES = 4, CODE_BYTES = 8 };

/* The number at `i` of `n` whose bytes of equal weight lie side by side. */
static uint64_t unplaned(const uint8_t *planes, int64_t n, int64_t i, int bytes) {
    uint64_t number = 0;
    for (int byte = 0; byte < bytes; byte++) number |= (uint64_t)planes[byte * n + i] << 8 * byte;
    return number;
}

/* Write the rows of the codes `from` to `to`, code after code, into `rows`, which has room for all of the chunk. Returns
   how many they are, or -1 where the chunk is not as long as it says. */
EXPORTED int64_t lapwing_rows(const uint8_t *chunk, int64_t size, uint64_t from, uint64_t to, uint16_t *rows) {
    if (size < COUNT_BYTES) return -1;
    int64_t codes = (int64_t)unplaned(chunk, 1, 0, COUNT_BYTES);
    if (codes > (size - COUNT_BYTES) / (CODE_BYTES + 2)) return -1;
    const uint8_t *counts = chunk + COUNT_BYTES + CODE_BYTES * codes, *steps = counts + 2 * codes;
    int64_t postings = (chunk + size - steps) / 2, at = 0, found = 0;
    uint64_t code = 0;
    for (int64_t i = 0; i < codes; i++) {
        code += unplaned(chunk + COUNT_BYTES, codes, i, CODE_BYTES);
        int64_t end = at + 1 + (int64_t)unplaned(counts, codes, i, 2);
        if (code > to) break;
        if (end > postings) return -1;
        if (code >= from) {
            uint16_t row = 0;
            for (; at < end; at++) {
                row = (uint16_t)(row + unplaned(steps, postings, at, 2));
                rows[found++] = row;
            }
        }
        at = end;
    }
    return found;
}
