/* A few of many texts that stand in one buffer with a zero byte between two of them. */
#include <string.h>

#include "arrow.h"

/* `asked` has room for twice `n` numbers: in, the rows, in rising order; out, where their texts begin, and behind these
   where they end. False where there are not so many rows. */
EXPORTED bool lapwing_pick(const uint8_t *joined, int64_t size, int64_t *asked, int64_t n) {
    const uint8_t *at = joined, *end = joined + size;
    int64_t row = 0;
    for (int64_t i = 0; i < n; i++) {
        for (; row < asked[i]; row++) {
            const uint8_t *zero = memchr(at, 0, (size_t)(end - at));
            if (zero == NULL) return false;
            at = zero + 1;
        }
        const uint8_t *zero = memchr(at, 0, (size_t)(end - at));
        asked[i] = at - joined;
        asked[n + i] = (zero != NULL ? zero : end) - joined;
    }
    return true;
}
