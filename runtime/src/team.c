/* The threads that share the kernels of a rank. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "team.h"
#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PATIENCE = 50000 /* nanoseconds; some times what it takes to wake a sleeping thread */ };

typedef struct {
  team *team;
  int32_t number; /* from 1; the leader is 0 */
  pthread_t thread;
} team_helper;

struct team {
  int32_t threads;  /* with the leader */
  int64_t patience; /* nanoseconds that a thread watches before it sleeps */
  team_helper *helpers;
  int32_t helper_count; /* that have started */

  rondo_kernel kernel; /* the present job */
  const void *arguments;
  atomic_uint job;        /* its number */
  atomic_uint *taken_for; /* for each part the last job of which a thread took it */
  atomic_int unfinished;  /* parts of the present job */

  pthread_mutex_t lock;
  pthread_cond_t posted, finished;
  atomic_int sleeping_helpers;
  atomic_bool leader_sleeps;
  bool shutdown;
};

/* Lets the other hyperthread of a core proceed. */
static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/* ---- Parts ---- */

static void finish_part(team *team) {
  if (atomic_fetch_sub(&team->unfinished, 1) != 1 || !atomic_load(&team->leader_sleeps))
    return;
  pthread_mutex_lock(&team->lock);
  pthread_cond_signal(&team->finished);
  pthread_mutex_unlock(&team->lock);
}

/* Runs the parts of `job` that nobody has taken, beginning with part `first`. If the job is over, there are none: its
 * number is not one less than what the parts were taken for. */
static void run_parts(team *team, int32_t first, unsigned job) {
  for (int32_t i = 0; i < team->threads; ++i) {
    int32_t part = (first + i) % team->threads;
    unsigned former = job - 1;
    if (!atomic_compare_exchange_strong(&team->taken_for[part], &former, job))
      continue;
    team->kernel(part, team->threads, team->arguments);
    finish_part(team);
  }
}

/* ---- Helpers ---- */

/* Waits for a job after `seen`; returns its number, or `seen` when the team ends. */
static unsigned await_job(team *team, unsigned seen) {
  int64_t deadline = clock_now() + team->patience;
  while (team->patience > 0 && clock_now() < deadline) {
    unsigned job = atomic_load(&team->job);
    if (job != seen)
      return job;
    relax();
  }
  pthread_mutex_lock(&team->lock);
  atomic_fetch_add(&team->sleeping_helpers, 1);
  while (atomic_load(&team->job) == seen && !team->shutdown)
    pthread_cond_wait(&team->posted, &team->lock);
  atomic_fetch_sub(&team->sleeping_helpers, 1);
  pthread_mutex_unlock(&team->lock);
  return atomic_load(&team->job);
}

static void *helper_main(void *argument) {
  const team_helper *helper = argument;
  unsigned seen = 0;
  for (;;) {
    unsigned job = await_job(helper->team, seen);
    if (job == seen)
      return NULL;
    run_parts(helper->team, helper->number, job);
    seen = job;
  }
}

/* ---- The leader ---- */

static void post(team *team, rondo_kernel kernel, const void *arguments) {
  team->kernel = kernel;
  team->arguments = arguments;
  atomic_store(&team->unfinished, team->threads);
  atomic_fetch_add(&team->job, 1);
  /* A helper counts itself among the sleeping before it looks for a job the last time. */
  if (atomic_load(&team->sleeping_helpers) == 0)
    return;
  pthread_mutex_lock(&team->lock);
  pthread_cond_broadcast(&team->posted);
  pthread_mutex_unlock(&team->lock);
}

static void await_parts(team *team) {
  int64_t deadline = clock_now() + team->patience;
  while (team->patience > 0 && clock_now() < deadline) {
    if (atomic_load(&team->unfinished) == 0)
      return;
    relax();
  }
  pthread_mutex_lock(&team->lock);
  atomic_store(&team->leader_sleeps, true);
  while (atomic_load(&team->unfinished) > 0)
    pthread_cond_wait(&team->finished, &team->lock);
  atomic_store(&team->leader_sleeps, false);
  pthread_mutex_unlock(&team->lock);
}

void team_run(team *team, rondo_kernel kernel, const void *arguments) {
  if (!team) {
    kernel(0, 1, arguments);
    return;
  }
  post(team, kernel, arguments);
  run_parts(team, 0, atomic_load(&team->job));
  await_parts(team);
}

/* ---- Starting and stopping ---- */

static int start_helpers(team *team) {
  for (; team->helper_count < team->threads - 1; ++team->helper_count) {
    team_helper *helper = &team->helpers[team->helper_count];
    helper->team = team;
    helper->number = team->helper_count + 1;
    int error = pthread_create(&helper->thread, NULL, helper_main, helper);
    if (error)
      return error;
  }
  return 0;
}

int team_create(int32_t threads, bool may_spin, team **result) {
  *result = NULL;
  if (threads == 1)
    return 0;
  team *team = calloc(1, sizeof *team);
  if (!team)
    return ENOMEM;
  team->threads = threads;
  team->patience = may_spin ? PATIENCE : 0;
  pthread_mutex_init(&team->lock, NULL);
  pthread_cond_init(&team->posted, NULL);
  pthread_cond_init(&team->finished, NULL);
  team->helpers = calloc((size_t)threads - 1, sizeof *team->helpers);
  team->taken_for = calloc((size_t)threads, sizeof *team->taken_for);
  int error = team->helpers && team->taken_for ? start_helpers(team) : ENOMEM;
  if (error)
    team_destroy(team);
  else
    *result = team;
  return error;
}

void team_destroy(team *team) {
  if (!team)
    return;
  pthread_mutex_lock(&team->lock);
  team->shutdown = true;
  pthread_cond_broadcast(&team->posted);
  pthread_mutex_unlock(&team->lock);
  for (int32_t i = 0; i < team->helper_count; ++i)
    pthread_join(team->helpers[i].thread, NULL);
  pthread_cond_destroy(&team->finished);
  pthread_cond_destroy(&team->posted);
  pthread_mutex_destroy(&team->lock);
  free(team->taken_for);
  free(team->helpers);
  free(team);
}

int64_t team_processor_time(const team *team) {
  int64_t time = 0;
  clockid_t clock;
  for (int32_t i = 0; team && i < team->helper_count; ++i)
    if (pthread_getcpuclockid(team->helpers[i].thread, &clock) == 0)
      time += clock_read(clock);
  return time;
}
