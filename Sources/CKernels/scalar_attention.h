/// The scalar kernels of attention, as initializers of `ck_kernels.append` and `.attend`.
#ifndef CK_SCALAR_ATTENTION_H
#define CK_SCALAR_ATTENTION_H

#include "kernels.h"

#define DECLARE(TYPE)                                                                              \
  void ck_scalar_append_##TYPE(                                                                    \
    const ck_attention *attention, void *const *pages, size_t head, size_t t, const float *key,    \
    const float *value);                                                                           \
  void ck_scalar_attend_##TYPE(const ck_queries *queries);

DECLARE(f32)
DECLARE(f16)
DECLARE(i8)
#undef DECLARE

#define SCALAR_APPEND {ck_scalar_append_f32, ck_scalar_append_f16, ck_scalar_append_i8}
#define SCALAR_ATTEND {ck_scalar_attend_f32, ck_scalar_attend_f16, ck_scalar_attend_i8}

#endif
