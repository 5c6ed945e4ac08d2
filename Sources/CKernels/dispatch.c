/// Which level this machine has, and which one is asked for.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

static const char *const names[CK_LEVEL_COUNT] = {"scalar", "avx2", "avx512vnni", "neon"};

#if defined(__x86_64__)
#include <cpuid.h>

/// The register sets that the operating system saves: without them the processor's flags mean nothing.
static uint64_t saved_registers(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static int available(ck_level level) {
  uint32_t a, b, c, d;
#if defined(CK_SIMDE)
  if (level == CK_LEVEL_AVX512VNNI) return 1;
#endif
  if (level != CK_LEVEL_AVX2 && level != CK_LEVEL_AVX512VNNI) return 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  const uint32_t osxsave = 1u << 27, avx = 1u << 28, fma = 1u << 12, f16c = 1u << 29;
  const uint32_t need = osxsave | avx | fma | f16c;
  if ((c & need) != need) return 0;
  uint64_t saved = saved_registers();
  if ((saved & 0x6) != 0x6) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  const uint32_t avx2 = 1u << 5 | 1u << 8;  // with BMI2
  if ((b & avx2) != avx2) return 0;
  if (level == CK_LEVEL_AVX2) return 1;
  const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // F, DQ, BW, VL
  const uint32_t vnni = 1u << 11;
  return (saved & 0xe6) == 0xe6 && (b & avx512) == avx512 && (c & vnni) != 0;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

static int available(ck_level level) {
  const unsigned long dot_product = 1ul << 20;  // HWCAP_ASIMDDP
  return level == CK_LEVEL_NEON && (getauxval(AT_HWCAP) & dot_product) != 0;
}
#else
static int available(ck_level level) {
  (void)level;
  return 0;
}
#endif

const char *ck_level_name(ck_level level) {
  return (int)level >= 0 && level < CK_LEVEL_COUNT ? names[level] : "unknown";
}

/// The answer is kept: under a hypervisor the question costs microseconds.
int ck_level_available(ck_level level) {
  enum { UNKNOWN, NO, YES };
  static _Atomic int answers[CK_LEVEL_COUNT];
  if (level == CK_LEVEL_SCALAR) return 1;
  if ((int)level < 0 || level >= CK_LEVEL_COUNT) return 0;
  int answer = atomic_load_explicit(&answers[level], memory_order_relaxed);
  if (answer == UNKNOWN) {
    answer = available(level) ? YES : NO;
    atomic_store_explicit(&answers[level], answer, memory_order_relaxed);
  }
  return answer == YES;
}

const ck_kernels *ck_kernels_of(ck_level level) {
  if (!ck_level_available(level)) return NULL;
#if defined(__x86_64__)
  if (level == CK_LEVEL_AVX512VNNI) return &ck_avx512vnni_kernels;
  if (level == CK_LEVEL_AVX2) return &ck_avx2_kernels;
#elif defined(__aarch64__)
  if (level == CK_LEVEL_NEON) return &ck_neon_kernels;
#endif
  return &ck_scalar_kernels;
}

int ck_select_level(ck_level *level, char *error, size_t error_size) {
  const char *wanted = getenv("CK_LEVEL");
  if (!wanted || !*wanted) {
    *level = CK_LEVEL_SCALAR;
    for (int l = 0; l < CK_LEVEL_COUNT; l++) {
      if (ck_level_available((ck_level)l)) *level = (ck_level)l;
    }
    return 0;
  }
  for (int l = 0; l < CK_LEVEL_COUNT; l++) {
    if (strcmp(wanted, names[l]) != 0) continue;
    if (!ck_level_available((ck_level)l)) {
      snprintf(error, error_size, "CK_LEVEL is %s, which this machine can't run", wanted);
      return -1;
    }
    *level = (ck_level)l;
    return 0;
  }
  snprintf(error, error_size, "CK_LEVEL is %s; allowed is scalar, avx2, avx512vnni or neon", wanted);
  return -1;
}
