/// What all levels must do alike, bit for bit, when a row of activations becomes integers.
#ifndef CK_QUANTIZE_H
#define CK_QUANTIZE_H

#include <math.h>

#include "kernels.h"

/// The integers of a row: x becomes rint(x · inverse) + zero, clamped to 0...255 where |x| <= limit and to 16 bits
/// otherwise.
typedef struct ck_grid {
  float scale, inverse, zero, limit;
  /// Whether some |x| are beyond the limit.
  int outliers;
} ck_grid;

/// The five greatest of the lanes' maxima, in descending order.
static inline void ck_greatest(const float lanes[16], float greatest[5]) {
  for (int i = 0; i < 5; i++) greatest[i] = 0;
  for (int lane = 0; lane < 16; lane++) {
    float v = lanes[lane];
    for (int i = 0; i < 5; i++) {
      float larger = greatest[i] > v ? greatest[i] : v;
      v = greatest[i] > v ? v : greatest[i];
      greatest[i] = larger;
    }
  }
}

/// The grid for values between `least` and `most`, of which those beyond ±limit are outliers; `top` is the greatest
/// |x|. A row of nothing but tiny values becomes zeros.
static inline ck_grid ck_grid_of(float least, float most, float limit, float top) {
  if (!(top >= 1e-30f && top <= 1e38f)) return (ck_grid){.scale = top >= 1e-30f ? top : 0, .limit = top};
  float low = least > -limit ? least : -limit, high = most < limit ? most : limit;
  low = low < 0 ? low : 0;
  high = high > 0 ? high : 0;
  float scale = (high - low) / 255.0f, smallest = top / 32000.0f;
  scale = scale > smallest ? scale : smallest;
  float inverse = 1.0f / scale;
  return (ck_grid){scale, inverse, rintf(-low * inverse), limit, limit < top};
}

#endif
