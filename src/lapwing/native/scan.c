/* Keywords in posts, as `text.keywords` finds them: at each place the first of the list that stands there, and the next
   search begins behind it. What may begin a keyword is told by its first four bytes. */
#include <stdlib.h>
#include <string.h>

#include "arrow.h"

enum { GROUP_BITS = 16, CATEGORIES_MAX = 16, SHOWN_MAX = 8, IN_VIEW = 12, SLACK = 16 };

/* Shared with `scanning.py`. Keywords are in groups by their first four bytes, in the order of the list within each. */
typedef struct {
    const uint8_t *opens;      /* a bit for each group: whether it has keywords */
    const int32_t *first;      /* of each group the first keyword, and one more */
    const uint8_t *bytes;      /* of all keywords, group by group */
    const int64_t *ends;       /* of each keyword among the bytes, beginning with 0 */
    const uint8_t *categories; /* of each keyword; 0 for what is figurative */
    const uint8_t *shown;      /* how each is written, one after the other */
    const int64_t *shown_ends;
    int64_t length;
    int32_t other;             /* the category that counts only where there is no finer one */
} Keywords;

typedef struct {
    int64_t votes[CATEGORIES_MAX], earliest[CATEGORIES_MAX];
    int64_t found; /* different keywords that mean something */
    uint16_t touched;
} Post;

/* The terms of one post with two spaces before, between and after them, and hashtags without their sign. Room for a key
   is left behind it. NULL where memory ran out. */
static const uint8_t *line_of(const struct ArrowArray *terms, int64_t from, int64_t to, Bytes *line) {
    line->used = 0;
    for (int64_t i = from; i < to; i++) {
        size_t size = 0;
        const uint8_t *term = view_at(terms, i, &size);
        if (term == NULL) continue;
        uint8_t *at = bytes_room(line, size + SLACK);
        if (at == NULL) return NULL;
        memcpy(at, "  ", 2);
        if (size <= IN_VIEW)
            memcpy(at + 2, term, IN_VIEW); /* twelve bytes are there, however few are meant */
        else
            memcpy(at + 2, term, size);
        if (size && at[2] == '#') memmove(at + 2, at + 3, --size);
        line->used += size + 2;
    }
    uint8_t *at = bytes_room(line, SLACK);
    if (at == NULL) return NULL;
    memcpy(at, "  \0\0\0", 5);
    line->used += 2;
    return line->data;
}

static uint32_t group_at(const uint8_t *at) {
    uint32_t key;
    memcpy(&key, at, sizeof key);
    return (key * 0x9E3779B1u) >> (32 - GROUP_BITS);
}

/* The first keyword of the list, of a group, that stands here; -1 if there is none. */
static int64_t keyword_at(const Keywords *keywords, uint32_t group, const uint8_t *at, size_t left) {
    for (int32_t i = keywords->first[group]; i < keywords->first[group + 1]; i++) {
        const uint8_t *keyword = keywords->bytes + keywords->ends[i];
        size_t size = (size_t)(keywords->ends[i + 1] - keywords->ends[i]), same = 0;
        if (size > left) continue;
        while (same < size && at[same] == keyword[same]) same++;
        if (same == size) return i;
    }
    return -1;
}

/* The first keyword from a place on, which moves there; -1 where there is none before the end. */
static int64_t next_keyword(const Keywords *keywords, const uint8_t **at, const uint8_t *end) {
    const uint8_t *opens = keywords->opens;
    for (const uint8_t *here = *at; here < end; here++) {
        uint32_t group = group_at(here);
        if (!(opens[group >> 3] >> (group & 7) & 1)) continue;
        int64_t which = keyword_at(keywords, group, here, (size_t)(end - here));
        if (which < 0) continue;
        *at = here;
        return which;
    }
    return -1;
}

/* Count a keyword that this post did not have before, and write it down while there are few. */
static void count(const Keywords *keywords, int64_t which, Post *post, Bytes *gate) {
    uint8_t category = keywords->categories[which];
    if (post->found < SHOWN_MAX) {
        int64_t from = keywords->shown_ends[which];
        if (post->found) bytes_add(gate, ", ", 2);
        bytes_add(gate, keywords->shown + from, (size_t)(keywords->shown_ends[which + 1] - from));
    }
    if (post->votes[category] == 0) post->earliest[category] = post->found;
    post->votes[category] += category == keywords->other ? 1 : 1000;
    post->touched |= (uint16_t)(1u << category);
    post->found++;
}

/* The category with most votes, of equals the one that was named first; 0 where none was. */
static uint8_t voted(const Post *post) {
    int best = 0;
    for (int each = 1; each < CATEGORIES_MAX; each++) {
        if (post->votes[each] == 0) continue;
        bool more = post->votes[each] > post->votes[best];
        if (more || (post->votes[each] == post->votes[best] && post->earliest[each] < post->earliest[best])) best = each;
    }
    return (uint8_t)best;
}

/* For each list of terms the keywords in it as a text or null, the category, and a bit for each category that was touched.
   Returns 0, or 1 where memory ran out. */
EXPORTED int lapwing_scan(
    const Keywords *keywords, const struct ArrowArray *lists, struct ArrowArray *gate_out, uint8_t *category, uint16_t *touched) {
    const int64_t *ends = (const int64_t *)lists->buffers[1] + lists->offset;
    int64_t *seen = calloc((size_t)keywords->length + 1, sizeof *seen);
    Bytes line = {0}, said = {0};
    Column gate;
    bool well = seen != NULL;
    column_begin(&gate, true);
    for (int64_t row = 0; well && row < lists->length; row++) {
        const uint8_t *at = line_of(lists->children[0], ends[row], ends[row + 1], &line), *end = at + line.used;
        Post post = {0};
        said.used = 0;
        well = at != NULL;
        for (int64_t which; well && (which = next_keyword(keywords, &at, end)) >= 0;) {
            at += keywords->ends[which + 1] - keywords->ends[which];
            if (keywords->categories[which] == 0 || seen[which] == row + 1) continue;
            seen[which] = row + 1;
            count(keywords, which, &post, &said);
        }
        if (post.found)
            column_add_text(&gate, said.data, said.used);
        else
            column_add_null(&gate);
        category[row] = voted(&post);
        touched[row] = post.touched;
        well = well && !said.failed;
    }
    well = well && column_export(&gate, gate_out);
    column_free(&gate);
    bytes_free(&line);
    bytes_free(&said);
    free(seen);
    return well ? 0 : 1;
}
