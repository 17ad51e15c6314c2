/* The executor's protocol: run_thread and advance in serialeq/engines/executor.py.

   WORKERS workers with STEPS segments in all, run by THREADS threads; every assignment of
   segments to workers, and every set of waits for earlier segments, is tried (init).

   Memory is release/acquire, not sequentially consistent. A thread's view is the set of writes
   that happened before where it is now; a release store leaves the view with the value, an
   acquire load takes it over. Whatever is not in the view may not be seen.

   A segment has two halves, since a kernel call may stop when its budget is spent and go on
   later in another thread; half h of segment s is the write 2 * s + h.

   MUTANT breaks one rule (see the numbers below); a check must fail then. */

#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef THREADS
#define THREADS 2
#endif
#ifndef STEPS
#define STEPS 4
#endif
#ifndef SPREAD
#define SPREAD 0                     /* 1: only schedules that deal the segments out in turn */
#endif
#ifndef SPLIT
#define SPLIT 1                      /* 0: kernel calls are not cut in two */
#endif
#ifndef LIVENESS
#define LIVENESS 0                   /* 1: check `ends`, not deadlock */
#endif
#ifndef CONTENTION
#define CONTENTION 0                 /* 1: `ends` without its exception; it must fail */
#endif
#ifndef MUTANT
#define MUTANT 0
#endif
#define PUBLISH_EARLY (MUTANT == 1)  /* the counter is set before the update */
#define NO_RELEASE    (MUTANT == 2)  /* the counter is stored without release */
#define NO_ACQUIRE    (MUTANT == 3)  /* the counter is loaded without acquire */
#define NO_WAIT       (MUTANT == 4)  /* the counter is loaded, but not compared */
#define STALE         (MUTANT == 5)  /* the counter is loaded once; later only the cached value */
#define NO_CLAIM      (MUTANT == 6)  /* a worker is advanced whoever else does */
#define CLAIM_RELAXED (MUTANT == 7)  /* the claim is given back without release */
#define IGNORE_STOP   (MUTANT == 8)  /* the stop flag is not read */

#define PATIENCE 0                   /* idle rounds before a thread helps others */
#define IDLE_TURN 1                  /* idle rounds before it returns to Python */
#define HALF(s, h) (1 << (2 * (s) + (h)))
#define BOTH(s) (3 << (2 * (s)))

/* The schedule: fixed after init. */
byte length[WORKERS];                /* segments of each worker */
byte segment[WORKERS * STEPS];       /* by worker and place in its queue */
byte wait_value[STEPS * WORKERS];    /* counter u must have reached this; 0: no wait */
short needed[STEPS];                 /* writes that a segment relies on */

/* What the threads share. */
byte counter[WORKERS];  short counter_view[WORKERS];
bit claimed[WORKERS];   short claim_view[WORKERS];
byte cursor[WORKERS];   bit half[WORKERS];      /* under the claim */
byte seen[WORKERS * WORKERS];                   /* under the claim */
bit loaded[WORKERS * WORKERS];                  /* only for mutant 5 */
bit stop;

/* What is observed. */
short ran;                           /* halves that have run */
bit running[WORKERS];
byte ended;                          /* threads that have returned */
bit contended;                       /* a claim was refused: see `ends` */

inline publish() {
  if
  :: !NO_RELEASE -> counter_view[w] = view
  :: else
  fi;
  counter[w] = cursor[w] + 1
}

inline load() {
  if
  :: !(STALE && loaded[w * WORKERS + u]) -> seen[w * WORKERS + u] = counter[u]
  :: else
  fi;
  loaded[w * WORKERS + u] = STALE;
  if
  :: !NO_ACQUIRE -> view = view | counter_view[u]
  :: else
  fi
}

/* Go on with worker w: its next segment, or give the claim back if there is none. */
inline next_segment() {
  u = 0; waited = 0; s = 0;
  if
  :: cursor[w] == length[w] -> pc = RELEASE
  :: else -> s = segment[w * STEPS + cursor[w]]; pc = WAIT
  fi
}

inline new_round() {
  finished = 1; moved = 0;
  contended = 0;
  if
  :: idle > PATIENCE -> w = 0; last = WORKERS
  :: else -> w = own; last = end
  fi;
  pc = CLAIM
}

mtype = { CLAIM, WAIT, BEGIN, FINISH, PUBLISH, RELEASE };

proctype thread(byte me) {
  mtype pc;
  byte w, s, u, idle, last;
  bit waited, moved, finished, late;
  short view;
  byte own = WORKERS * me / THREADS;
  byte end = WORKERS * (me + 1) / THREADS;

  new_round();
  do                                 /* run_thread's loop, one action at a time */
  :: atomic { pc == CLAIM && w < last && (NO_CLAIM || !claimed[w]) ->
     claimed[w] = 1;
     view = view | claim_view[w];
     next_segment()
     }

  :: atomic { pc == CLAIM && w < last && !NO_CLAIM && claimed[w] ->
     contended = LIVENESS;
     finished = finished && (w < own || w >= end);
     w++
     }

  :: atomic { pc == CLAIM && w == last ->
     if
     :: finished || (stop && !IGNORE_STOP) -> break
     :: else
     fi;
     assert(!late);                                /* stop ends every round but the present */
     late = stop;
     idle = (moved || idle == IDLE_TURN -> 0 : idle + 1);
     new_round()
     }

  :: atomic { pc == WAIT ->          /* the next counter that has not been seen far enough */
     do
     :: u < WORKERS && seen[w * WORKERS + u] >= wait_value[s * WORKERS + u] -> u++
     :: else -> break
     od;
     if
     :: u < WORKERS ->
        load();
        waited = waited || (!NO_WAIT && seen[w * WORKERS + u] < wait_value[s * WORKERS + u]);
        u++
     :: else ->
        if
        :: waited -> pc = RELEASE
        :: !waited && PUBLISH_EARLY -> publish(); pc = BEGIN
        :: !waited && !PUBLISH_EARLY -> pc = BEGIN
        fi
     fi
     }

  :: atomic { pc == BEGIN ->         /* half of a kernel call */
     assert(!running[w]);                          /* nobody else advances this worker */
     assert(!(ran & HALF(s, half[w])));            /* it runs once */
     assert(!(needed[s] & ~view));                 /* it sees what it waited for */
     assert(!half[w] || (view & HALF(s, 0)));      /* and its own first half */
     running[w] = 1;
     pc = FINISH
     }

  :: atomic { pc == FINISH ->
     running[w] = 0;
     if
     :: !SPLIT -> ran = ran | HALF(s, 0); view = view | HALF(s, 0); half[w] = 1
     :: else
     fi;
     ran = ran | HALF(s, half[w]);
     view = view | HALF(s, half[w]);
     moved = 1;
     if
     :: half[w] -> pc = PUBLISH
     :: !half[w] -> half[w] = 1; pc = BEGIN
     :: !half[w] && SPLIT -> half[w] = 1; pc = RELEASE    /* the budget is spent */
     fi
     }

  :: atomic { pc == PUBLISH ->
     if
     :: !PUBLISH_EARLY -> publish()
     :: else
     fi;
     cursor[w]++; half[w] = 0;
     if
     :: next_segment()
     :: pc = RELEASE                               /* the budget is spent */
     fi
     }

  :: atomic { pc == RELEASE ->
     finished = finished && (cursor[w] == length[w] || w < own || w >= end);
     if
     :: !CLAIM_RELAXED -> claim_view[w] = view
     :: else
     fi;
     claimed[w] = 0;
     w++; s = 0; u = 0; waited = 0;
     pc = CLAIM
     }
  od;
  atomic {
    ended++;
    assert(stop || ended < THREADS || ran == (1 << (2 * STEPS)) - 1)   /* all is done */
  }
}

/* Ctrl-C, or a thread that failed: at any time, or never. */
proctype interruption() {
  if
  :: stop = 1
  :: skip
  fi
}

init {
  byte i, k, u, v, w;
  atomic {
    do
    :: i < STEPS ->
       if
       :: SPREAD -> w = i % WORKERS
       :: else -> select(w : 0 .. WORKERS - 1)
       fi;
       u = 0;
       do
       :: u < WORKERS ->
          v = length[u];             /* its own earlier segments: all; of others: any number */
          if
          :: u != w -> select(v : 0 .. length[u]); wait_value[i * WORKERS + u] = v
          :: else
          fi;
          k = 0;
          do
          :: k < v -> needed[i] = needed[i] | BOTH(segment[u * STEPS + k]); k++
          :: else -> break
          od;
          u++
       :: else -> break
       od;
       segment[w * STEPS + length[w]] = i;
       length[w]++;
       i++
    :: else -> break
    od;
    k = 0; u = 0; v = 0; w = 0; i = 0;
    do
    :: i < THREADS -> run thread(i); i++
    :: else -> break
    od;
    run interruption()
  }
}

#if LIVENESS
/* In every fair execution every thread returns. One exception: if nobody stops the run, two
   threads may get in each other's way for ever, each holding the claim that the other asks for. */
#if CONTENTION
ltl ends { <> (ended == THREADS) }
#else
ltl ends { <> (ended == THREADS) || ([] <> contended && [] !stop) }
#endif
#endif
