/* How a team hands out jobs: run, _hand_out, _tell, _linger and _work in serialeq/native/team.py.

   The caller runs TURNS jobs, each in machine code or in Python, each on any number of the
   THREADS helpers (the caller, thread 0, is not modelled as a worker), and may be interrupted
   MOST times while it hands them out. A helper sleeps until a task is in its queue, or lingers; how
   long it lingers is left open, which stands for every length of patience.

   Left out: the stop flag, errors, calls that are repeated until a job is done, the news that wake
   the caller, interruptions of `close`. `told` is one word here: four are written before any thread
   is told, and after an interruption the turn alone, when nobody is told.

   Memory is release/acquire: `view` is the turn up to which a helper sees what has been told.

   MUTANT breaks one rule (see the numbers below); a check must fail then. */

#ifndef THREADS
#define THREADS 2
#endif
#ifndef TURNS
#define TURNS 3
#endif
#ifndef MOST
#define MOST 1                       /* interruptions */
#endif
#ifndef MUTANT
#define MUTANT 0
#endif
#define PUT_FIRST     (MUTANT == 1)  /* a task is in the queue before its thread is told */
#define CLAIM_RELAXED (MUTANT == 2)  /* a thread is told without release */
#define NO_DROP       (MUTANT == 3)  /* a task that comes twice is done twice */
#define LEAVE         (MUTANT == 4)  /* a thread goes to sleep without claiming itself */
#define PUBLISH_EARLY (MUTANT == 5)  /* a job is reported before it is done */
#define NO_RELEASE    (MUTANT == 6)  /* a job is reported without release */
#define TELL_AGAIN    (MUTANT == 7)  /* after an interruption all is handed out again */
#define NOT_AGAIN     (MUTANT == 8)  /* after an interruption nothing is handed out */
#define ASK_ALL       (MUTANT == 9)  /* every thread is told, whoever is asked */

#define CLOSE 0
#define DONE(t) (1 << (t))

bit native[TURNS + 1];               /* what a task says: chosen when it is made */
byte asked[TURNS + 1];               /* helpers that take part */

chan queue[THREADS] = [TURNS + MOST * TURNS + 1] of { byte };
byte told;                           /* the turn whose job is told beside the queues */
bit state[THREADS];                  /* 0: the thread lingers */
byte state_view[THREADS];
byte latest[THREADS];                /* turn that each thread has finished */
byte latest_view[THREADS];           /* jobs done, for whoever reads `latest` */

byte current;                        /* turn that the caller is in; 0: in none */

inline interruption() {
  if
  :: interruptions < MOST -> interruptions++; failed = 1; goto attempt
  :: skip
  fi
}

inline put_tasks(also_told) {
  i = 0;
  do
  :: i < asked[turn] ->
     if
     :: also_told || !lingered[i] -> queue[i]!turn
     :: else
     fi;
     i++;
     interruption()
  :: else -> break
  od
}

inline tell() {                      /* machine code: not interrupted */
  i = 0;
  do
  :: i < THREADS && (i < asked[turn] || ASK_ALL) ->
     atomic {
       lingered[i] = (state[i] == 0);
       state[i] = 1;
       if
       :: lingered[i] && !CLAIM_RELAXED -> state_view[i] = told
       :: else
       fi
     }
     i++
  :: else -> break
  od
}

inline hand_out() {
  told = turn;
  interruption();
  if
  :: PUT_FIRST && !native[turn] -> put_tasks(1); tell()
  :: else -> tell(); interruption(); put_tasks(!native[turn])
  fi
}

proctype caller() {
  byte turn, i, interruptions;
  bit handed_out, failed;
  bit lingered[THREADS];

  do
  :: turn < TURNS ->
     atomic {
       turn++;
       if :: native[turn] = 0 :: native[turn] = 1 fi;
       select(i : 0 .. THREADS);
       asked[turn] = i;
       handed_out = 0; failed = 0;
       current = turn
     }
  attempt:
     interruption();
     if
     :: !handed_out && (!failed || TELL_AGAIN) -> hand_out()
     :: !handed_out && failed && !TELL_AGAIN ->
        told = turn;
        interruption();
        if
        :: !NOT_AGAIN -> put_tasks(1)
        :: else
        fi
     :: else
     fi;
     interruption();
     handed_out = 1;
     interruption();
     i = 0;
     do
     :: i < asked[turn] ->
        (latest[i] >= turn);
        assert(latest_view[i] & DONE(turn));       /* what the thread did is seen */
        i++
     :: else -> break
     od;
     current = 0
  :: else -> break
  od;
  i = 0;
  do
  :: i < THREADS -> queue[i]!CLOSE; i++
  :: else -> break
  od
}

inline work() {
  assert(task == current);                         /* while the caller waits for it */
  assert(me < asked[task]);                        /* whoever is asked */
  assert(!(done & DONE(task)));                    /* once */
  done = done | DONE(task);
  assert(task == current)
}

inline report() {
  atomic {
    latest[me] = task;
    if
    :: !NO_RELEASE -> latest_view[me] = done
    :: else
    fi
  }
}

proctype helper(byte me) {
  byte task, view, done;

  do
  :: if
     :: nempty(queue[me]) -> skip
     :: empty(queue[me]) ->
        state[me] = 0;
        do
        :: atomic { state[me] == 1 -> view = state_view[me] }
           assert(view == told);                   /* it sees what it was told, the last */
           task = told;
           if
           :: !native[task] -> break
           :: else
           fi;
           if
           :: PUBLISH_EARLY -> report()
           :: else
           fi;
           work();
           assert(told == task);                   /* which has not been overwritten */
           state[me] = 0;
           if
           :: !PUBLISH_EARLY -> report()
           :: else
           fi
        :: atomic { state[me] == 0 -> state[me] = !LEAVE; break }
        od
     fi;
     queue[me]?task;
     if
     :: task == CLOSE -> break
     :: task != CLOSE && task <= latest[me] && !NO_DROP
     :: else -> work(); report()
     fi
  od
}

init {
  byte i;
  atomic {
    do
    :: i < THREADS -> state[i] = 1; run helper(i); i++
    :: else -> break
    od;
    run caller()
  }
}
