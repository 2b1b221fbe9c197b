// What C does for the same work: compiled and loaded by CReference when the benchmark `targets` starts. The dense walk reads the very memory of our
// table; the 4-level radix and the red-black tree are this file's own.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef uint64_t u64;

#define ADDRESS 0x000ffffffffff000ull
#define LARGE (1ull << 7)
#define SNOOP (1ull << 11)
#define FAULT (~0ull)
#define HUGE_BYTES (2ull << 20)

// ---- Memory on pages of 2 MiB, zeroed

void *huge_alloc(u64 bytes)
{
    bytes = (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
    void *memory = aligned_alloc(HUGE_BYTES, bytes);
    if (memory) {
        madvise(memory, bytes, MADV_HUGEPAGE);
        memset(memory, 0, bytes);
    }
    return memory;
}

void huge_free(void *memory)
{
    free(memory);
}

// ---- The dense table: one entry per 2 MiB in blocks of 512 GiB, leaf tables of 512 entries

struct dense {
    const uint8_t *base;
    const u64 *directory;
    u64 width, tested, wanted;
};

static inline u64 dense_word(u64 entry, u64 tested, u64 wanted, u64 in_page)
{
    if ((entry & tested) != wanted)
        return FAULT;
    return (entry & ADDRESS) | in_page | ((entry & SNOOP) << 52);
}

static inline u64 dense_one(const struct dense *d, const u64 *block, u64 iova)
{
    u64 slot = block[(iova >> 21) & 0x3ffff];
    if (slot & LARGE)
        return dense_word(slot, d->tested | 0x1ff000, d->wanted, iova & 0x1fffff);
    const u64 *table = (const u64 *)(d->base + (slot & ADDRESS));
    return dense_word(table[(iova >> 12) & 511], d->tested, d->wanted, iova & 0xfff);
}

static inline const u64 *dense_block(const struct dense *d, u64 number)
{
    return (const u64 *)(d->base + (d->directory[number] & ADDRESS));
}

int64_t dense_walk(const struct dense *table, const u64 *iovas, u64 *words, int64_t count)
{
    struct dense d = *table;
    const u64 *block = dense_block(&d, 0);
    u64 current = 0;
    int64_t faults = 0;
    for (int64_t i = 0; i < count; i++) {
        u64 iova = iovas[i];
        if (iova >> 39 != current) {
            if (iova >> d.width) {
                words[i] = FAULT;
                faults++;
                continue;
            }
            current = iova >> 39;
            block = dense_block(&d, current);
        }
        words[i] = dense_one(&d, block, iova);
        faults += words[i] == FAULT;
    }
    return faults;
}

// One after the other: where the next address is depends on what the last one led to. `zero` is 0, which the compiler does not know.
u64 dense_dependent(const struct dense *table, const u64 *iovas, int64_t count, u64 zero)
{
    struct dense d = *table;
    const u64 *first = dense_block(&d, 0);
    u64 last = 0;
    for (int64_t i = 0; i < count; i++) {
        u64 iova = iovas[i] | (last & zero);
        if (__builtin_expect(iova >> 39 == 0, 1))       // predicted: the walk need not wait for the directory
            last = dense_one(&d, first, iova);
        else
            last = iova >> d.width ? FAULT : dense_one(&d, dense_block(&d, iova >> 39), iova);
    }
    return last;
}

void fill(u64 *entries, int64_t count, u64 first, u64 step)
{
    for (int64_t i = 0; i < count; i++, first += step)
        entries[i] = first;
}

// ---- What memory gives: `chains` walks that each wait for their own last load only

#define CHAINS 24
#define LINE_WORDS 8

void chains_make(u64 *memory, u64 lines)
{
    u64 state = 88172645463325252ull;
    for (u64 i = 0; i < lines; i++)
        memory[i * LINE_WORDS] = i;
    for (u64 i = lines - 1; i > 0; i--) {                // one cycle through all lines (Sattolo)
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        u64 j = state % i, swap = memory[i * LINE_WORDS];
        memory[i * LINE_WORDS] = memory[j * LINE_WORDS];
        memory[j * LINE_WORDS] = swap;
    }
}

u64 chains_run(const u64 *memory, u64 *at, int64_t steps)
{
    u64 here[CHAINS], sum = 0;
    memcpy(here, at, sizeof here);
    for (int64_t i = 0; i < steps; i++)
        for (int c = 0; c < CHAINS; c++)
            here[c] = memory[here[c] * LINE_WORDS];
    memcpy(at, here, sizeof here);
    for (int c = 0; c < CHAINS; c++)
        sum += here[c];
    return sum;
}

// ---- A radix table of 4 levels; a table that becomes empty is freed at once

struct radix {
    u64 *tables;
    uint16_t *used;
    uint32_t *next, free, root;
};

static uint32_t radix_take(struct radix *r)
{
    uint32_t table = r->free;
    r->free = r->next[table];
    return table;
}

static void radix_free_all(struct radix *r)
{
    huge_free(r->tables);
    free(r->used);
    free(r->next);
    free(r);
}

struct radix *radix_new(uint32_t tables)
{
    struct radix *r = calloc(1, sizeof *r);
    if (!r)
        return 0;
    r->tables = huge_alloc((u64)tables * 4096);
    r->used = calloc(tables, sizeof *r->used);
    r->next = calloc(tables, sizeof *r->next);
    if (!r->tables || !r->used || !r->next) {
        radix_free_all(r);
        return 0;
    }
    for (uint32_t i = 1; i + 1 < tables; i++)
        r->next[i] = i + 1;
    r->free = 1;
    r->root = radix_take(r);
    return r;
}

void radix_delete(struct radix *r)
{
    radix_free_all(r);
}

static inline u64 *radix_table(const struct radix *r, u64 entry)
{
    return r->tables + (entry >> 12) * 512;
}

// `count` pages of level 1 (4 KiB) or 2 (2 MiB). 0, or -1 if one of them is mapped: those before it stay.
int radix_map(struct radix *r, u64 iova, u64 entry, int64_t count, int level)
{
    u64 size = 4096ull << (9 * (level - 1));
    while (count > 0) {
        u64 *table = r->tables + (u64)r->root * 512;
        uint32_t number = r->root;
        for (int at = 4; at > level; at--) {
            u64 *pointer = &table[(iova >> (12 + 9 * (at - 1))) & 511];
            if (!*pointer) {
                *pointer = ((u64)radix_take(r) << 12) | 3;
                r->used[number]++;
            } else if (*pointer & LARGE)
                return -1;
            number = (uint32_t)(*pointer >> 12);
            table = radix_table(r, *pointer);
        }
        int64_t index = (iova >> (12 + 9 * (level - 1))) & 511;
        int64_t here = 512 - index < count ? 512 - index : count;
        u64 any = 0;
        for (int64_t i = 0; i < here; i++)
            any |= table[index + i];
        if (any)
            return -1;
        for (int64_t i = 0; i < here; i++)
            table[index + i] = entry + (u64)i * size;
        r->used[number] += here;
        iova += (u64)here * size, entry += (u64)here * size, count -= here;
    }
    return 0;
}

void radix_unmap(struct radix *r, u64 iova, int64_t count, int level)
{
    u64 size = 4096ull << (9 * (level - 1));
    while (count > 0) {
        u64 *slots[5];
        uint32_t numbers[5];
        u64 *table = r->tables + (u64)r->root * 512;
        numbers[4] = r->root;
        for (int at = 4; at > level; at--) {
            slots[at] = &table[(iova >> (12 + 9 * (at - 1))) & 511];
            table = radix_table(r, *slots[at]);
            numbers[at - 1] = (uint32_t)(*slots[at] >> 12);
        }
        int64_t index = (iova >> (12 + 9 * (level - 1))) & 511;
        int64_t here = 512 - index < count ? 512 - index : count;
        int64_t cleared = 0;
        for (int64_t i = 0; i < here; i++) {
            cleared += table[index + i] != 0;
            table[index + i] = 0;
        }
        r->used[numbers[level]] -= cleared;
        for (int at = level; at < 4 && r->used[numbers[at]] == 0; at++) {
            *slots[at + 1] = 0;
            r->used[numbers[at + 1]]--;
            r->next[numbers[at]] = r->free;
            r->free = numbers[at];
        }
        iova += (u64)here * size, count -= here;
    }
}

int64_t radix_walk(const struct radix *r, const u64 *iovas, u64 *words, int64_t count, u64 wanted)
{
    int64_t faults = 0;
    for (int64_t i = 0; i < count; i++) {
        u64 iova = iovas[i], entry = (u64)r->root << 12 | 3, word = FAULT;
        for (int at = 4; at >= 1; at--) {
            entry = radix_table(r, entry)[(iova >> (12 + 9 * (at - 1))) & 511];
            if ((entry & wanted) != wanted)
                break;
            if (at == 1 || entry & LARGE) {
                u64 in_page = (4096ull << (9 * (at - 1))) - 1;
                word = (entry & ADDRESS & ~in_page) | (iova & in_page) | ((entry & SNOOP) << 52);
                break;
            }
        }
        words[i] = word;
        faults += word == FAULT;
    }
    return faults;
}

// Maps and unmaps the same pages `times` times.
void radix_pairs(struct radix *r, u64 iova, u64 entry, int64_t count, int level, int64_t times)
{
    for (int64_t i = 0; i < times; i++) {
        radix_map(r, iova, entry, count, level);
        radix_unmap(r, iova, count, level);
    }
}

// Unmaps the oldest page of a ring and maps it again.
void radix_churn(struct radix *r, const u64 *ring, int64_t size, int64_t times)
{
    for (int64_t i = 0, at = 0; i < times; i++, at = at + 1 == size ? 0 : at + 1) {
        radix_unmap(r, ring[at], 1, 1);
        radix_map(r, ring[at], (u64)i << 12 | 3, 1, 1);
    }
}

// ---- A red-black tree of ranges that do not overlap

struct node {
    struct node *parent, *child[2];
    u64 start, last, entry;
    int red;
};

struct tree {
    struct node *root, *free, nil, *nodes;
};

struct tree *tree_new(u64 nodes)
{
    struct tree *t = calloc(1, sizeof *t);
    if (!t)
        return 0;
    t->nodes = calloc(nodes, sizeof *t->nodes);
    if (!t->nodes) {
        free(t);
        return 0;
    }
    t->root = &t->nil;
    for (u64 i = 0; i < nodes; i++) {
        t->nodes[i].parent = t->free;
        t->free = &t->nodes[i];
    }
    return t;
}

void tree_delete(struct tree *t)
{
    free(t->nodes);
    free(t);
}

static void tree_replace(struct tree *t, struct node *old, struct node *new)
{
    if (old->parent == &t->nil)
        t->root = new;
    else
        old->parent->child[old->parent->child[1] == old] = new;
    new->parent = old->parent;
}

static void tree_rotate(struct tree *t, struct node *n, int to)
{
    struct node *up = n->child[!to];
    n->child[!to] = up->child[to];
    if (up->child[to] != &t->nil)
        up->child[to]->parent = n;
    tree_replace(t, n, up);
    up->child[to] = n;
    n->parent = up;
}

int tree_map(struct tree *t, u64 start, u64 last, u64 entry)
{
    struct node *parent = &t->nil, *at = t->root;
    while (at != &t->nil) {
        if (start <= at->last && at->start <= last)
            return -1;
        parent = at;
        at = at->child[start > at->start];
    }
    struct node *n = t->free;
    t->free = n->parent;
    *n = (struct node){ parent, { &t->nil, &t->nil }, start, last, entry, 1 };
    if (parent == &t->nil)
        t->root = n;
    else
        parent->child[start > parent->start] = n;
    while (n->parent->red) {
        struct node *up = n->parent, *grand = up->parent;
        int side = grand->child[1] == up;
        struct node *uncle = grand->child[!side];
        if (uncle->red) {
            up->red = uncle->red = 0;
            grand->red = 1;
            n = grand;
            continue;
        }
        if (n == up->child[!side]) {
            n = up;
            tree_rotate(t, n, side);
        }
        n->parent->red = 0;
        grand->red = 1;
        tree_rotate(t, grand, !side);
    }
    t->root->red = 0;
    return 0;
}

static void tree_mend(struct tree *t, struct node *n)
{
    while (n != t->root && !n->red) {
        int side = n->parent->child[1] == n;
        struct node *sibling = n->parent->child[!side];
        if (sibling->red) {
            sibling->red = 0;
            n->parent->red = 1;
            tree_rotate(t, n->parent, side);
            sibling = n->parent->child[!side];
        }
        if (!sibling->child[0]->red && !sibling->child[1]->red) {
            sibling->red = 1;
            n = n->parent;
            continue;
        }
        if (!sibling->child[!side]->red) {
            sibling->child[side]->red = 0;
            sibling->red = 1;
            tree_rotate(t, sibling, !side);
            sibling = n->parent->child[!side];
        }
        sibling->red = n->parent->red;
        n->parent->red = sibling->child[!side]->red = 0;
        tree_rotate(t, n->parent, side);
        n = t->root;
    }
    n->red = 0;
}

static struct node *tree_find(const struct tree *t, u64 address)
{
    struct node *at = t->root;
    while (at != &t->nil && (address < at->start || address > at->last))
        at = at->child[address > at->last];
    return at;
}

int tree_unmap(struct tree *t, u64 start)
{
    struct node *n = tree_find(t, start), *cut = n, *mend;
    if (n == &t->nil)
        return -1;
    int black = !n->red;
    if (n->child[0] == &t->nil || n->child[1] == &t->nil) {
        mend = n->child[n->child[0] == &t->nil];
        tree_replace(t, n, mend);
    } else {
        for (cut = n->child[1]; cut->child[0] != &t->nil;)
            cut = cut->child[0];
        black = !cut->red;
        mend = cut->child[1];
        if (cut->parent == n)
            mend->parent = cut;
        else {
            tree_replace(t, cut, mend);
            cut->child[1] = n->child[1];
            cut->child[1]->parent = cut;
        }
        tree_replace(t, n, cut);
        cut->child[0] = n->child[0];
        cut->child[0]->parent = cut;
        cut->red = n->red;
    }
    if (black)
        tree_mend(t, mend);
    n->parent = t->free;
    t->free = n;
    return 0;
}

int64_t tree_walk(const struct tree *t, const u64 *iovas, u64 *words, int64_t count)
{
    int64_t faults = 0;
    for (int64_t i = 0; i < count; i++) {
        struct node *n = tree_find(t, iovas[i]);
        words[i] = n == &t->nil ? FAULT : (n->entry & ADDRESS) + (iovas[i] - n->start);
        faults += n == &t->nil;
    }
    return faults;
}

void tree_churn(struct tree *t, const u64 *ring, int64_t size, int64_t times)
{
    for (int64_t i = 0, at = 0; i < times; i++, at = at + 1 == size ? 0 : at + 1) {
        tree_unmap(t, ring[at]);
        tree_map(t, ring[at], ring[at] + 4095, (u64)i << 12 | 3);
    }
}
