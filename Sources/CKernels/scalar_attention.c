/// Attention in plain C: one position after the other, the running softmax as its authors write it (Milakov and
/// Gimelshein, "Online normalizer calculation for softmax", 2018).
#include "scalar_attention.h"

#include <math.h>

#include "cache_layout.h"

/// The largest f16 for what is beyond it: an infinity would turn the whole sequence into NaN.
static _Float16 half(float v) {
  v = v > 65504.0f ? 65504.0f : v;
  return (_Float16)(v < -65504.0f ? -65504.0f : v);
}

/// The largest magnitude; nothing so small that its inverse overflows, nothing infinite.
static float reach(const float *x, size_t count) {
  float largest = 0;
  for (size_t i = 0; i < count; i++) largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
  largest = largest < 3.0e38f ? largest : 3.0e38f;
  return largest > 1e-30f ? largest : 0;
}

static int8_t quantized(float v, float inverse) {
  v = rintf(v * inverse);
  v = v < 127.0f ? v : 127.0f;
  return (int8_t)(v > -127.0f ? v : -127.0f);
}

static char *part_of(const ck_attention *a, void *const *pages, size_t head, size_t t) {
  return (char *)pages[t / CK_PAGE_POSITIONS] + ck_part_offset(a, head, ck_part_of(a->type, a->head_width));
}

/// Defines `append` for elements of TYPE, which STORED makes of a float; SCALES prepares that.
#define DEFINE_APPEND(NAME, TYPE, STORED, SCALES)                                                    \
  void ck_scalar_append_##NAME(                                                                      \
    const ck_attention *a, void *const *pages, size_t head, size_t t, const float *key,              \
    const float *value                                                                               \
  ) {                                                                                                \
    const ck_part layout = ck_part_of(a->type, a->head_width);                                       \
    const size_t lane = t % CK_PAGE_POSITIONS;                                                       \
    char *part = part_of(a, pages, head, t);                                                         \
    float key_inverse = 0, value_inverse = 0;                                                        \
    SCALES                                                                                           \
    TYPE *keys = (TYPE *)part + lane;                                                                \
    TYPE *values = (TYPE *)(part + layout.values) + lane * ck_value_width(a->head_width);            \
    for (size_t d = 0; d < a->head_width; d++) {                                                     \
      keys[d * CK_PAGE_POSITIONS] = STORED(key[d], key_inverse);                                     \
      values[d] = STORED(value[d], value_inverse);                                                   \
    }                                                                                                \
    (void)key_inverse, (void)value_inverse;                                                          \
  }

#define AS_IT_IS(V, INVERSE) (V)
#define AS_HALF(V, INVERSE) half(V)
#define STORE_SCALES                                                       \
  const float key_reach = reach(key, a->head_width), value_reach = reach(value, a->head_width); \
  key_inverse = key_reach > 0 ? 127.0f / key_reach : 0;                                         \
  value_inverse = value_reach > 0 ? 127.0f / value_reach : 0;                                   \
  ((float *)(part + layout.key_scales))[lane] = key_reach / 127.0f;                             \
  ((float *)(part + layout.value_scales))[lane] = value_reach / 127.0f;

DEFINE_APPEND(f32, float, AS_IT_IS, )
DEFINE_APPEND(f16, _Float16, AS_HALF, )
DEFINE_APPEND(i8, int8_t, quantized, STORE_SCALES)

/// Defines `attend` for elements of TYPE.
#define DEFINE_ATTEND(NAME, TYPE, SCALED)                                                            \
  void ck_scalar_attend_##NAME(const ck_queries *queries) {                                          \
    const ck_attention *a = queries->attention;                                                      \
    const size_t width = a->head_width, padded = ck_value_width(width);                              \
    const ck_part layout = ck_part_of(a->type, width);                                               \
    const float factor = 1.0f / sqrtf((float)width);                                                 \
    for (size_t r = 0; r < queries->rows; r++) {                                                     \
      const float *query = queries->queries + r * queries->stride;                                   \
      float *out = queries->out + r * queries->out_stride;                                           \
      float top = -INFINITY, total = 0;                                                              \
      for (size_t d = 0; d < width; d++) out[d] = 0;                                                 \
      for (size_t t = 0; t <= queries->position + r; t++) {                                          \
        const size_t lane = t % CK_PAGE_POSITIONS;                                                   \
        const char *part = part_of(a, queries->pages, queries->head, t);                             \
        const TYPE *keys = (const TYPE *)part + lane;                                                \
        const TYPE *values = (const TYPE *)(part + layout.values) + lane * padded;                   \
        float key_step = SCALED ? ((const float *)(part + layout.key_scales))[lane] : 1;             \
        float value_step = SCALED ? ((const float *)(part + layout.value_scales))[lane] : 1;         \
        float dot = 0;                                                                               \
        for (size_t d = 0; d < width; d++) dot += query[d] * (float)keys[d * CK_PAGE_POSITIONS];     \
        const float score = dot * factor * key_step;                                                 \
        if (score > top) {                                                                           \
          const float shrink = expf(top - score);                                                    \
          for (size_t d = 0; d < width; d++) out[d] *= shrink;                                       \
          total *= shrink;                                                                           \
          top = score;                                                                               \
        }                                                                                            \
        const float weight = expf(score - top);                                                      \
        total += weight;                                                                             \
        for (size_t d = 0; d < width; d++) out[d] += weight * value_step * (float)values[d];         \
      }                                                                                              \
      for (size_t d = 0; d < width; d++) out[d] /= total;                                            \
    }                                                                                                \
  }

DEFINE_ATTEND(f32, float, 0)
DEFINE_ATTEND(f16, _Float16, 0)
DEFINE_ATTEND(i8, int8_t, 1)
