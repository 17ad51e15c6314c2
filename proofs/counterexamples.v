(* What fails when a premise is dropped: each theorem needs what it asks for. *)

Require Import List Permutation Lia Arith Floats.
Require Import trace schedule clocks.
Import ListNotations.

(* Two steps on one variable: step 0 adds 1, step 1 doubles. *)
Definition update (step : Act) (s : State unit nat) : State unit nat :=
  fun v => if fst step =? 0 then s v + 1 else 2 * s v.

(* Without the order of conflicts an execution may end elsewhere ([serial_equivalence]). *)
Example conflict_order_is_needed :
  Permutation [(0, 0); (1, 0)] [(1, 0); (0, 0)] /\
  exec unit nat Act update [(0, 0); (1, 0)] (fun _ => 0) tt = 2 /\
  exec unit nat Act update [(1, 0); (0, 0)] (fun _ => 0) tt = 1.
Proof. split; [apply perm_swap|split; reflexivity]. Qed.

(* Without the wait the schedule admits it ([schedule_is_serial]). *)
Example wait_is_needed :
  admitted 2 (fun _ => 1) (fun i => i) (fun _ => []) [(0, 0); (1, 0)].
Proof.
  repeat apply act; [apply start| |];
    (repeat split; [simpl; auto|simpl; intuition congruence|lia|]).
  all: intros i [[L W]|[]]; subst; lia.
Qed.

(* Two steps that wait for each other: neither can go ([some_worker_can_step]). *)
Example earlier_is_needed : forall a,
  ~ enabled 2 (fun _ => 1) (fun i => i) (fun i => [1 - i]) [] a.
Proof.
  intros [j k] (V & _ & _ & C). apply in_serial in V.
  apply (C (1 - j)) with 0; [right; simpl; auto|lia].
Qed.

(* A wait teaches what the other worker knew at the awaited step, not what it knows by now.
   [careless] joins the latter. Step 2 teaches worker 1 that 0 is done, after step 1; step 3 waits
   for 1 only, and yet believes that 0 is done: step 4, which needs 0, does not wait. *)
Definition worker i := nth i [0; 1; 1; 2; 2] 0.
Definition uses i := nth i [[0; 1]; [2]; [0]; [2]; [1]] [].
Fixpoint careless i : Plan :=
  match i with
  | 0 => plan worker uses (@rev nat) 0
  | S i => let p := careless i in let present e := now p (worker e) in
      let (c, ws) := take worker present (worker i) (rev (needs uses i)) (now p (worker i)) in
      {| now := set (now p) (worker i) c; after := set (after p) i c;
         waiting := set (waiting p) i ws |}
  end.
Example history_is_needed :
  map (needs uses) [0; 1; 2; 3; 4] = [[]; []; [0]; [1]; [0]] /\
  map (waits worker uses (@rev nat)) [0; 1; 2; 3; 4] = [[]; []; [0]; [1]; [0]] /\
  map (waiting (careless 5)) [0; 1; 2; 3; 4] = [[]; []; [0]; [1]; []].
Proof. repeat split; reflexivity. Qed.

(* Outside the bound the grouping shows in the bits ([any_grouping_same_bits]). *)
Example bound_is_needed :
  ((0x1p53 + 1) + 1 =? 0x1p53 + (1 + 1))%float = false.
Proof. reflexivity. Qed.
