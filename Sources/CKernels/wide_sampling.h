/// Argmax and softmax weights over vectors of 16 floats, included by each level's file after wide_attention.h inside its
/// target region.
#ifndef CK_WIDE_SAMPLING_H
#define CK_WIDE_SAMPLING_H

/// The greatest of some floats, -∞ if none is a number.
INLINE float greatest(const float *x, size_t count) {
  const f32x16 least = all(-INFINITY);
  f32x16 tops[4] = {least, least, least, least};
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    _Pragma("unroll") for (size_t v = 0; v < 4; v++) tops[v] = larger(load(x + i + 16 * v), tops[v]);
  }
  for (; i + 16 <= count; i += 16) tops[0] = larger(load(x + i), tops[0]);
  float top = largest(larger(larger(tops[0], tops[1]), larger(tops[2], tops[3])));
  for (; i < count; i++) top = x[i] > top ? x[i] : top;
  return top;
}

/// First the part that has the greatest value, then its place in that part.
static size_t wide_argmax(const float *x, size_t count) {
  enum { PART = 2048 };
  float top = -INFINITY;
  size_t part = 0;
  for (size_t i = 0; i < count; i += PART) {
    float v = greatest(x + i, count - i < PART ? count - i : PART);
    if (v > top) top = v, part = i;
  }
  for (size_t i = part; i < count; i++) {
    if (x[i] == top) return i;
  }
  return 0;
}

static void wide_weights(const float *x, size_t count, float scale, float *out) {
  const f32x16 top = all(greatest(x, count));
  scale *= 1.44269504088896341f;
  for (size_t i = 0; i < count; i += 16) {
    float lanes[16];
    const size_t left = count - i;
    if (left < 16) {
      for (size_t lane = 0; lane < 16; lane++) lanes[lane] = lane < left ? x[i + lane] : 0;
    }
    const f32x16 v = load(left < 16 ? lanes : x + i);
    const f32x16 weight = v == top ? all(1.0f) : exp2_16((v - top) * all(scale));
    if (left >= 16) store(out + i, weight);
    else for (size_t lane = 0; lane < left; lane++) out[i + lane] = weight[lane];
  }
}

#endif
