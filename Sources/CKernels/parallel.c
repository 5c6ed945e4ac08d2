/// A fixed set of threads that share the items of one job at a time.
///
/// The job's number, its length and its next part are one 64-bit word, the ticket. A part is claimed by
/// advancing that word, which fails if the job has changed meanwhile, so a thread that wakes late takes no
/// part and nobody waits for it: the caller waits for the parts, not for the threads.
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

/// About 50 µs: longer than the serial parts within a step, shorter than the time between requests.
enum { SPINS = 2000 };

/// A ticket is job number << 40 | parts << 20 | next part.
enum { PART_BITS = 20, MAX_PARTS = (1 << PART_BITS) - 1 };
static uint64_t next_part(uint64_t ticket) { return ticket & MAX_PARTS; }
static uint64_t parts_of(uint64_t ticket) { return ticket >> PART_BITS & MAX_PARTS; }
static uint64_t job_number(uint64_t ticket) { return ticket >> 2 * PART_BITS; }

struct ck_pool {
  _Alignas(64) _Atomic uint64_t ticket;
  /// The current job; written only while every part of the one before is done.
  _Atomic(ck_work) work;
  _Atomic(void *) job;
  _Atomic size_t count, grain;
  _Alignas(64) _Atomic size_t done;
  _Alignas(64) _Atomic int sleepers, stop;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  size_t threads;
  struct ck_worker {
    ck_pool *pool;
    size_t index;
    pthread_t thread;
  } *workers;
};

/// Claims and does parts of the current job until there are none left.
static void take_part(ck_pool *pool, size_t thread) {
  uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
  while (next_part(ticket) < parts_of(ticket)) {
    // If the ticket is still the same below, the job was unfinished all the while and these are its own.
    ck_work work = atomic_load_explicit(&pool->work, memory_order_relaxed);
    void *job = atomic_load_explicit(&pool->job, memory_order_relaxed);
    size_t count = atomic_load_explicit(&pool->count, memory_order_relaxed);
    size_t grain = atomic_load_explicit(&pool->grain, memory_order_relaxed);
    if (atomic_compare_exchange_weak_explicit(
          &pool->ticket, &ticket, ticket + 1, memory_order_acq_rel, memory_order_acquire)) {
      size_t begin = next_part(ticket) * grain;
      work(job, begin, count - begin < grain ? count : begin + grain, thread);
      atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
      ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    }
  }
}

static void *worker_main(void *argument) {
  struct ck_worker *worker = argument;
  ck_pool *pool = worker->pool;
  uint64_t seen = 0;
  for (;;) {
    int spins = 0;
    while (job_number(atomic_load_explicit(&pool->ticket, memory_order_acquire)) == seen) {
      if (atomic_load_explicit(&pool->stop, memory_order_acquire)) return NULL;
      if (spins++ < SPINS) {
        RELAX();
        continue;
      }
      pthread_mutex_lock(&pool->lock);
      // Sequentially consistent with the caller's store of the ticket and load of `sleepers`: one of the two
      // sees the other, so no wake-up is lost.
      atomic_fetch_add(&pool->sleepers, 1);
      while (job_number(atomic_load(&pool->ticket)) == seen && !atomic_load(&pool->stop)) {
        pthread_cond_wait(&pool->wake, &pool->lock);
      }
      atomic_fetch_sub(&pool->sleepers, 1);
      pthread_mutex_unlock(&pool->lock);
      spins = 0;
    }
    seen = job_number(atomic_load_explicit(&pool->ticket, memory_order_acquire));
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
  atomic_store_explicit(&pool->work, work, memory_order_relaxed);
  atomic_store_explicit(&pool->job, job, memory_order_relaxed);
  atomic_store_explicit(&pool->count, count, memory_order_relaxed);
  atomic_store_explicit(&pool->grain, grain, memory_order_relaxed);
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  uint64_t number = job_number(atomic_load_explicit(&pool->ticket, memory_order_relaxed)) + 1;
  atomic_store(&pool->ticket, number << 2 * PART_BITS | parts << PART_BITS);
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
  free(pool);
}

ck_pool *ck_pool_create(size_t threads) {
  void *memory = NULL;
  if (threads < 1 || posix_memalign(&memory, 64, sizeof(ck_pool))) return NULL;
  ck_pool *pool = memory;
  *pool = (ck_pool){.threads = 1};
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pool->workers = calloc(threads, sizeof *pool->workers);
  if (!pool->workers) {
    ck_pool_destroy(pool);
    return NULL;
  }
  for (size_t i = 1; i < threads; i++) {
    pool->workers[i] = (struct ck_worker){.pool = pool, .index = i};
    if (pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i])) {
      ck_pool_destroy(pool);
      return NULL;
    }
    pool->threads = i + 1;
  }
  return pool;
}
