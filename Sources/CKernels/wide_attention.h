/// Attention over vectors of 16 floats, included by each level's file after wide.h inside its target region.
///
/// A running softmax over blocks of 64 positions (Milakov and Gimelshein, 2018). For each query and block: its scores,
/// one input of the head after the other; the greatest score so far, by which all that was summed before shrinks; the
/// weighted values, added one position after the other. A tile of queries does the same for each of them as one query
/// alone, so its results have the same bits; it only reads and converts keys and values once for all.
#ifndef CK_WIDE_ATTENTION_H
#define CK_WIDE_ATTENTION_H

#include "cache_layout.h"
#include "wide_cache.h"

/// A tile's queries, and the vectors of keys or values that it multiplies with each of them at a time. Their products
/// are the sums that are kept in registers; two instructions a cycle need eight of them. A tile is 4 or 8 queries.
#ifndef WIDE_QUERIES
#define WIDE_QUERIES 4
#endif
#ifndef WIDE_VECTORS
#define WIDE_VECTORS 1
#endif

/// A query alone fetches ahead of itself from this position on; before, that costs more than it brings.
enum { FAR = 128 };

enum { BLOCK = 64, BLOCK_PAGES = BLOCK / CK_PAGE_POSITIONS };

typedef float f32x4_at __attribute__((ext_vector_type(4), aligned(4), may_alias));

/// Less than every score, and e^(it - any score) is 0.
#define NEVER (-INFINITY)
#define PREFETCH(P) __builtin_prefetch(P, 0, 3)

/// 2^x for x <= 0 to about 1 ulp; 0 where the result would be denormal, or x is no number.
INLINE f32x16 exp2_16(f32x16 x) {
  // Adding 1.5 · 2^23 rounds to an integer, which is then in the low bits.
  const f32x16 shifted = x + all(12582912.0f);
  const f32x16 r = x - (shifted - all(12582912.0f));
  // Minimax for |r| <= 1/2, with exactly 1 at 0.
  f32x16 p = all(1.326472731e-3f);
  p = fma16(p, r, all(9.671512991e-3f));
  p = fma16(p, r, all(5.550733581e-2f));
  p = fma16(p, r, all(2.402224243e-1f));
  p = fma16(p, r, all(6.931470037e-1f));
  p = fma16(p, r, all(1.0f));
  return x >= all(-125.0f) ? bits(ints(p) + (ints(shifted) << 23)) : all(0.0f);
}

/// A head's part of each page of a block.
typedef struct block {
  const char *parts[BLOCK_PAGES];
  size_t pages;
} block;

/// Where the keys are that will be needed next: those of the next block, or of the next head's first one. What does
/// not exist is replaced by what is at hand.
INLINE void look_ahead(
  const ck_queries *q, const block *b, size_t start, size_t end, size_t offset, size_t bytes, const char **ahead
) {
  const int more = start + BLOCK < end, heads = q->head + 1 < q->attention->heads;
  const size_t first = more ? start + BLOCK : 0;
  for (size_t p = 0; p < BLOCK_PAGES; p++) {
    const size_t t = first + p * CK_PAGE_POSITIONS;
    ahead[p] = b->parts[0];
    if (t < end && (more || heads)) ahead[p] = (const char *)q->pages[t / 16] + offset + (more ? 0 : bytes);
  }
}

/// queries[D][R] = the rows' queries times `factor`.
INLINE void gather_queries(size_t rows, const float *q, size_t stride, size_t width, float factor, float *queries) {
  size_t d = 0;
  if (rows % 4 == 0) {
    for (; d + 4 <= width; d += 4) {
      for (size_t r = 0; r < rows; r += 4) {
        const float *p = q + r * stride + d;
        const f32x4 a = *(const f32x4_at *)p, b = *(const f32x4_at *)(p + stride);
        const f32x4 c = *(const f32x4_at *)(p + 2 * stride), e = *(const f32x4_at *)(p + 3 * stride);
        const f32x4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, e, 0, 4, 1, 5);
        const f32x4 ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, e, 2, 6, 3, 7);
        float *out = queries + d * rows + r;
        *(f32x4_at *)out = __builtin_shufflevector(ab, cd, 0, 1, 4, 5) * factor;
        *(f32x4_at *)(out + rows) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7) * factor;
        *(f32x4_at *)(out + 2 * rows) = __builtin_shufflevector(ef, gh, 0, 1, 4, 5) * factor;
        *(f32x4_at *)(out + 3 * rows) = __builtin_shufflevector(ef, gh, 2, 3, 6, 7) * factor;
      }
    }
  }
  for (; d < width; d++) {
    EACH(size_t r = 0; r < rows; r++) queries[d * rows + r] = q[r * stride + d] * factor;
  }
}

/// scores[r][16p...] for `pages` pages of the block, from page `page` on; `rows` and `pages` are constants.
INLINE void score_pages(
  ck_cache_type type, size_t rows, size_t pages, int far, const block *b, size_t page, const float *queries,
  size_t width, const ck_part *layout, float (*scores)[BLOCK]
) {
  const char *const *parts = b->parts + page;
  f32x16 sums[BLOCK_PAGES * WIDE_QUERIES];
  EACH(size_t i = 0; i < pages * rows; i++) sums[i] = all(0.0f);
  for (size_t d = 0; d < width; d++) {
    f32x16 keys[BLOCK_PAGES];
    EACH(size_t p = 0; p < pages; p++) {
      keys[p] = cached(type, parts[p], d * 16);
      if (far) PREFETCH(parts[p] + layout->values + d * 16 * element_bytes(type));
    }
    EACH(size_t r = 0; r < rows; r++) {
      const f32x16 q = all(queries[d * rows + r]);
      EACH(size_t p = 0; p < pages; p++) sums[p * rows + r] = fma16(q, keys[p], sums[p * rows + r]);
    }
  }
  EACH(size_t p = 0; p < pages; p++) {
    EACH(size_t r = 0; r < rows; r++) {
      f32x16 score = sums[p * rows + r];
      if (type == CK_CACHE_I8) score = score * load((const float *)(parts[p] + layout->key_scales));
      store(scores[r] + 16 * (page + p), score);
    }
  }
}

INLINE void score_block(
  ck_cache_type type, size_t rows, int far, const block *b, const float *queries, size_t width,
  const ck_part *layout, float (*scores)[BLOCK]
) {
  if (rows == 1) {
    switch (b->pages) {
      case 1: score_pages(type, rows, 1, far, b, 0, queries, width, layout, scores); break;
      case 2: score_pages(type, rows, 2, far, b, 0, queries, width, layout, scores); break;
      case 3: score_pages(type, rows, 3, far, b, 0, queries, width, layout, scores); break;
      case 4: score_pages(type, rows, 4, far, b, 0, queries, width, layout, scores); break;
    }
    return;
  }
  size_t page = 0;
  for (; page + WIDE_VECTORS <= b->pages; page += WIDE_VECTORS) {
    score_pages(type, rows, WIDE_VECTORS, far, b, page, queries, width, layout, scores);
  }
  for (; page < b->pages; page++) score_pages(type, rows, 1, far, b, page, queries, width, layout, scores);
}

/// What was found so far for each query of a tile.
typedef struct softmax {
  /// The greatest score, and Σ 2^(score - greatest) in 16 lanes.
  float tops[WIDE_QUERIES];
  f32x16 totals[WIDE_QUERIES];
  /// By how much the last block made the sums before it shrink.
  _Alignas(64) float shrink[16];
} softmax;

_Static_assert(WIDE_QUERIES <= 16, "one vector of exponentials serves the tile");

/// Turns scores into weights; `rows` is a constant, and so is `pages` for a whole block.
INLINE void weigh_block(
  ck_cache_type type, size_t rows, size_t pages, const block *b, const ck_part *layout, softmax *state,
  float (*scores)[BLOCK]
) {
  EACH(size_t r = 0; r < rows; r++) {
    f32x16 top = all(state->tops[r]);
    for (size_t p = 0; p < pages; p++) top = larger(load(scores[r] + 16 * p), top);
    const float greatest = largest(top);
    state->shrink[r] = state->tops[r] - greatest;
    state->tops[r] = greatest;
  }
  store(state->shrink, exp2_16(load(state->shrink)));
  EACH(size_t r = 0; r < rows; r++) {
    f32x16 total = state->totals[r] * all(state->shrink[r]);
    for (size_t p = 0; p < pages; p++) {
      f32x16 e = exp2_16(load(scores[r] + 16 * p) - all(state->tops[r]));
      total += e;
      if (type == CK_CACHE_I8) {
        // Beyond the last position there is no scale, and 0 times whatever is there may be no number.
        const f32x16 steps = load((const float *)(b->parts[p] + layout->value_scales));
        e = e > all(0.0f) ? e * steps : all(0.0f);
      }
      store(scores[r] + 16 * p, e);
    }
    state->totals[r] = total;
  }
}

/// Adds the weighted value of position t of the block, which is at `value`.
INLINE void add_value(
  ck_cache_type type, size_t rows, size_t vectors, const char *value, const float (*weights)[BLOCK], size_t t,
  f32x16 *acc
) {
  EACH(size_t v = 0; v < vectors; v++) {
    const f32x16 x = cached(type, value, 16 * v);
    EACH(size_t r = 0; r < rows; r++) acc[r * vectors + v] = fma16(all(weights[r][t]), x, acc[r * vectors + v]);
  }
}

/// sums[r][column...] = sums · shrink[r] + Σ weights[r][t] · values[t][column...], 16 · vectors columns; `rows` and
/// `vectors` are constants.
INLINE void add_values(
  ck_cache_type type, size_t rows, size_t vectors, int far, const block *b, const float (*weights)[BLOCK],
  const float *shrink, const size_t *visible, size_t padded, size_t column, const ck_part *layout,
  const char *const *ahead, float *sums
) {
  const size_t stride = padded * element_bytes(type), offset = layout->values + column * element_bytes(type);
  f32x16 acc[WIDE_QUERIES * 4];
  EACH(size_t r = 0; r < rows; r++) {
    EACH(size_t v = 0; v < vectors; v++) {
      acc[r * vectors + v] = load(sums + r * padded + column + 16 * v) * all(shrink[r]);
    }
  }
  // What all see: the first query sees the least.
  const size_t common = visible[0];
  for (size_t p = 0; p < common / 16; p++) {
    const char *values = b->parts[p] + offset;
    // Unrolled further it would be half as fast on Zen 3.
    _Pragma("clang loop unroll(disable)") for (size_t t = 0; t < 16; t++) {
      if (far) {
        EACH(size_t i = 0; i < vectors * element_bytes(type) / 4; i++) {
          PREFETCH(ahead[p] + t * stride + column * element_bytes(type) + 64 * i);
        }
      }
      add_value(type, rows, vectors, values + t * stride, weights, 16 * p + t, acc);
    }
  }
  for (size_t t = common / 16 * 16; t < common; t++) {
    add_value(type, rows, vectors, b->parts[t / 16] + offset + t % 16 * stride, weights, t, acc);
  }
  // The positions of the tile's own queries.
  for (size_t t = common; t < visible[rows - 1]; t++) {
    const char *values = b->parts[t / 16] + offset + t % 16 * stride;
    EACH(size_t v = 0; v < vectors; v++) {
      const f32x16 x = cached(type, values, 16 * v);
      EACH(size_t r = 1; r < rows; r++) {
        const f32x16 sum = fma16(all(weights[r][t]), x, acc[r * vectors + v]);
        acc[r * vectors + v] = t < visible[r] ? sum : acc[r * vectors + v];
      }
    }
  }
  EACH(size_t r = 0; r < rows; r++) {
    EACH(size_t v = 0; v < vectors; v++) store(sums + r * padded + column + 16 * v, acc[r * vectors + v]);
  }
}

/// Attends with queries `first_row..<first_row + rows`; `rows` and `far`, whether to fetch ahead, are constants.
INLINE void attend_tile(ck_cache_type type, size_t rows, int far, const ck_queries *q, size_t first_row) {
  const size_t width = q->attention->head_width, padded = ck_value_width(width);
  const ck_part layout = ck_part_of(type, width);
  const size_t offset = ck_part_offset(q->attention, q->head, layout);
  const size_t position = q->position + first_row, end = position + rows;
  _Alignas(64) float queries[width * rows];
  _Alignas(64) float sums[padded * rows];
  _Alignas(64) float scores[WIDE_QUERIES][BLOCK];
  softmax state = {0};

  // Scores are in units of log 2: e^x = 2^(x log2 e).
  const float factor = 1.44269504088896341f / sqrtf((float)width);
  gather_queries(rows, q->queries + first_row * q->stride, q->stride, width, factor, queries);
  for (size_t i = 0; i < padded * rows; i += 16) store(sums + i, all(0.0f));
  EACH(size_t r = 0; r < rows; r++) state.tops[r] = NEVER;

  for (size_t start = 0; start < end; start += BLOCK) {
    block b = {.pages = ((end - start < BLOCK ? end - start : BLOCK) + 15) / 16};
    for (size_t p = 0; p < b.pages; p++) b.parts[p] = (const char *)q->pages[start / 16 + p] + offset;
    const char *ahead[BLOCK_PAGES];
    if (far) look_ahead(q, &b, start, end, offset, layout.bytes, ahead);
    score_block(type, rows, far, &b, queries, width, &layout, scores);

    size_t visible[WIDE_QUERIES];
    EACH(size_t r = 0; r < rows; r++) {
      const size_t seen = position + r + 1;
      visible[r] = seen <= start ? 0 : seen - start < BLOCK ? seen - start : BLOCK;
    }
    if (visible[0] < BLOCK) {
      EACH(size_t r = 0; r < rows; r++) {
        for (size_t p = 0; p < b.pages; p++) {
          float *s = scores[r] + 16 * p;
          store(s, first(visible[r] - 16 * p, load(s), all(NEVER)));
        }
      }
    }
    if (b.pages == BLOCK_PAGES) weigh_block(type, rows, BLOCK_PAGES, &b, &layout, &state, scores);
    else weigh_block(type, rows, b.pages, &b, &layout, &state, scores);

    size_t column = 0;
    if (rows == 1) {
      for (; column + 64 <= padded; column += 64) {
        add_values(type, rows, 4, far, &b, scores, state.shrink, visible, padded, column, &layout, ahead, sums);
      }
    }
    for (; rows > 1 && column + 16 * WIDE_VECTORS <= padded; column += 16 * WIDE_VECTORS) {
      add_values(
        type, rows, WIDE_VECTORS, far, &b, scores, state.shrink, visible, padded, column, &layout, ahead, sums);
    }
    for (; column < padded; column += 16) {
      add_values(type, rows, 1, far, &b, scores, state.shrink, visible, padded, column, &layout, ahead, sums);
    }
  }

  EACH(size_t r = 0; r < rows; r++) {
    const f32x16 inverse = all(1.0f / fold(state.totals[r]));
    float *out = q->out + (first_row + r) * q->out_stride, *sum = sums + r * padded;
    size_t d = 0;
    for (; d + 16 <= width; d += 16) store(out + d, load(sum + d) * inverse);
    if (d < width) {
      store(sum + d, load(sum + d) * inverse);
      memcpy(out + d, sum + d, (width - d) * sizeof(float));
    }
  }
}

/// Defines the kernels of one cache type; each tile is a function of its own.
#define DEFINE_ATTENTION(NAME, TYPE)                                                                   \
  static void wide_append_##NAME(                                                                      \
    const ck_attention *a, void *const *pages, size_t head, size_t t, const float *key,                \
    const float *value                                                                                 \
  ) {                                                                                                  \
    append_any(TYPE, a, pages, head, t, key, value);                                                   \
  }                                                                                                    \
  static __attribute__((noinline)) void attend_##NAME##_1(const ck_queries *q, size_t first) {         \
    attend_tile(TYPE, 1, 0, q, first);                                                                 \
  }                                                                                                    \
  static __attribute__((noinline)) void attend_##NAME##_far(const ck_queries *q, size_t first) {       \
    attend_tile(TYPE, 1, 1, q, first);                                                                 \
  }                                                                                                    \
  static __attribute__((noinline)) void attend_##NAME##_2(const ck_queries *q, size_t first) {         \
    attend_tile(TYPE, 2, 0, q, first);                                                                 \
  }                                                                                                    \
  static __attribute__((noinline)) void attend_##NAME##_4(const ck_queries *q, size_t first) {         \
    attend_tile(TYPE, 4, 0, q, first);                                                                 \
  }                                                                                                    \
  static __attribute__((noinline)) void attend_##NAME##_n(const ck_queries *q, size_t first) {         \
    attend_tile(TYPE, WIDE_QUERIES, 0, q, first);                                                      \
  }                                                                                                    \
  static void wide_attend_##NAME(const ck_queries *q) {                                                \
    size_t r = 0;                                                                                      \
    for (; r + WIDE_QUERIES <= q->rows; r += WIDE_QUERIES) attend_##NAME##_n(q, r);                    \
    if (WIDE_QUERIES > 4 && r + 4 <= q->rows) attend_##NAME##_4(q, r), r += 4;                         \
    for (; r + 2 <= q->rows; r += 2) attend_##NAME##_2(q, r);                                          \
    for (; r < q->rows; r++) (q->position + r < FAR ? attend_##NAME##_1 : attend_##NAME##_far)(q, r);  \
  }

DEFINE_ATTENTION(f32, CK_CACHE_F32)
DEFINE_ATTENTION(f16, CK_CACHE_F16)
DEFINE_ATTENTION(i8, CK_CACHE_I8)

#define WIDE_APPEND {wide_append_f32, wide_append_f16, wide_append_i8}
#define WIDE_ATTEND {wide_attend_f32, wide_attend_f16, wide_attend_i8}

#endif
