/// A fixed set of threads that share the items of one job at a time.
///
/// Each thread has a share of the job's parts, neighbours in memory, and takes them from the front; one that is done
/// takes parts from the back of the others' shares. A share's job number and what is left of it are one 64-bit word.
/// A part is claimed by changing that word, which fails if the job is another meanwhile, so a thread that wakes late
/// takes nothing and nobody waits for it: the caller waits for the parts, not for the threads.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ckernels.h"

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#else
#define RELAX() __asm__ volatile("yield")
#endif

/// Tens of microseconds: longer than the serial parts within a step, shorter than the time between requests.
enum { SPINS = 1500 };

/// A share is job number << 40 | end << 20 | begin.
enum { PART_BITS = 20, MAX_PARTS = (1 << PART_BITS) - 1 };
static uint64_t share_of(uint64_t job, uint64_t begin, uint64_t end) {
  return job << 2 * PART_BITS | end << PART_BITS | begin;
}
static uint64_t begin_of(uint64_t share) { return share & MAX_PARTS; }
static uint64_t end_of(uint64_t share) { return share >> PART_BITS & MAX_PARTS; }
static uint64_t job_number(uint64_t share) { return share >> 2 * PART_BITS; }

/// A thread's share, and the job, in a cache line of its own: who claims a part has the rest of the line too.
typedef struct share {
  _Alignas(64) _Atomic uint64_t parts;
  /// Written only while every part of the job before is done.
  _Atomic(ck_work) work;
  _Atomic(void *) job;
  _Atomic size_t count, grain;
} share;

struct ck_pool {
  share *shares;
  size_t threads;
  struct worker {
    ck_pool *pool;
    size_t index;
    pthread_t thread;
  } *workers;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  _Alignas(64) _Atomic size_t done;
  _Alignas(64) _Atomic int sleepers, stop;
};

/// Claims and does parts of a share until there are none left; returns how many. The owner takes the first, others
/// the last.
static size_t take_parts(share *share, int owner, size_t thread) {
  size_t taken = 0;
  uint64_t parts = atomic_load_explicit(&share->parts, memory_order_acquire);
  while (begin_of(parts) < end_of(parts)) {
    // If the claim succeeds, the job was unfinished all the while and these are its own.
    ck_work work = atomic_load_explicit(&share->work, memory_order_relaxed);
    void *job = atomic_load_explicit(&share->job, memory_order_relaxed);
    size_t count = atomic_load_explicit(&share->count, memory_order_relaxed);
    size_t grain = atomic_load_explicit(&share->grain, memory_order_relaxed);
    const uint64_t part = owner ? begin_of(parts) : end_of(parts) - 1;
    const uint64_t rest = owner ? parts + 1 : parts - (1 << PART_BITS);
    if (atomic_compare_exchange_weak_explicit(
          &share->parts, &parts, rest, memory_order_acq_rel, memory_order_acquire)) {
      const size_t begin = part * grain;
      work(job, begin, count - begin < grain ? count : begin + grain, thread);
      taken++;
      parts = atomic_load_explicit(&share->parts, memory_order_acquire);
    }
  }
  return taken;
}

/// Does what it can of the current job.
static void take_part(ck_pool *pool, size_t thread) {
  size_t taken = 0;
  for (size_t i = 0; i < pool->threads; i++) {
    const size_t other = thread + i < pool->threads ? thread + i : thread + i - pool->threads;
    taken += take_parts(&pool->shares[other], i == 0, thread);
  }
  // Parts of the next job can't have been among them: it does not begin before this one's are counted.
  if (taken) atomic_fetch_add_explicit(&pool->done, taken, memory_order_release);
}

static void *worker_main(void *argument) {
  struct worker *worker = argument;
  ck_pool *pool = worker->pool;
  _Atomic uint64_t *parts = &pool->shares[worker->index].parts;
  uint64_t seen = 0;
  for (;;) {
    int spins = 0;
    while (job_number(atomic_load_explicit(parts, memory_order_acquire)) == seen) {
      if (atomic_load_explicit(&pool->stop, memory_order_acquire)) return NULL;
      if (spins++ < SPINS) {
        RELAX();
        continue;
      }
      pthread_mutex_lock(&pool->lock);
      // Sequentially consistent with the caller's store of the share and load of `sleepers`: one of the two
      // sees the other, so no wake-up is lost.
      atomic_fetch_add(&pool->sleepers, 1);
      while (job_number(atomic_load(parts)) == seen && !atomic_load(&pool->stop)) {
        pthread_cond_wait(&pool->wake, &pool->lock);
      }
      atomic_fetch_sub(&pool->sleepers, 1);
      pthread_mutex_unlock(&pool->lock);
      spins = 0;
    }
    seen = job_number(atomic_load_explicit(parts, memory_order_acquire));
    take_part(pool, worker->index);
  }
}

void ck_pool_run(ck_pool *pool, size_t count, size_t grain, ck_work work, void *job) {
  if (pool->threads == 1 || count <= grain) {
    if (count) work(job, 0, count, 0);
    return;
  }
  size_t parts = (count + grain - 1) / grain;
  if (parts > MAX_PARTS) {
    grain = (count + MAX_PARTS - 1) / MAX_PARTS;
    parts = (count + grain - 1) / grain;
  }
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  const uint64_t number =
    (job_number(atomic_load_explicit(&pool->shares[0].parts, memory_order_relaxed)) + 1) & 0xffffff;
  // The others first: they have yet to notice.
  for (size_t i = pool->threads; i-- > 0;) {
    share *share = &pool->shares[i];
    atomic_store_explicit(&share->work, work, memory_order_relaxed);
    atomic_store_explicit(&share->job, job, memory_order_relaxed);
    atomic_store_explicit(&share->count, count, memory_order_relaxed);
    atomic_store_explicit(&share->grain, grain, memory_order_relaxed);
    atomic_store(&share->parts, share_of(number, i * parts / pool->threads, (i + 1) * parts / pool->threads));
  }
  if (atomic_load(&pool->sleepers) > 0) {
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
  }
  take_part(pool, 0);
  // The last parts are short; a thread that holds one for longer has lost its core, perhaps to this one.
  for (int spins = 0; atomic_load_explicit(&pool->done, memory_order_acquire) < parts; spins++) {
    if (spins < SPINS) RELAX();
    else sched_yield();
  }
}

size_t ck_pool_threads(const ck_pool *pool) { return pool->threads; }

void ck_pool_destroy(ck_pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->lock);
  atomic_store(&pool->stop, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (size_t i = 1; i < pool->threads; i++) pthread_join(pool->workers[i].thread, NULL);
  pthread_mutex_destroy(&pool->lock);
  pthread_cond_destroy(&pool->wake);
  free(pool->workers);
  free(pool->shares);
  free(pool);
}

ck_pool *ck_pool_create(size_t threads) {
  void *memory = NULL, *shares = NULL;
  if (threads < 1 || threads > MAX_PARTS || posix_memalign(&memory, 64, sizeof(ck_pool))) return NULL;
  ck_pool *pool = memory;
  *pool = (ck_pool){.threads = 1};
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pool->workers = calloc(threads, sizeof *pool->workers);
  if (!pool->workers || posix_memalign(&shares, 64, threads * sizeof *pool->shares)) {
    ck_pool_destroy(pool);
    return NULL;
  }
  pool->shares = shares;
  for (size_t i = 0; i < threads; i++) pool->shares[i] = (share){.parts = 0};
  for (size_t i = 1; i < threads; i++) {
    pool->workers[i] = (struct worker){.pool = pool, .index = i};
    if (pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i])) {
      ck_pool_destroy(pool);
      return NULL;
    }
    // Read by no thread before the first job, which is after all are there.
    pool->threads = i + 1;
  }
  return pool;
}
