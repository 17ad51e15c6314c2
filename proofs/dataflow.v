(* The dataflow planner, all in all: its waits are enough, its filter forbids and allows nothing
   new, and what runs under them ends in the state of the serial run. *)

Require Import List Bool Lia Arith.
Require Import trace schedule executions clocks.
Import ListNotations.

Section Dataflow.
Variable worker : nat -> nat.
Variable uses : nat -> list nat.
Variable arrange : list nat -> list nat.
Hypothesis arrange_keeps : forall l e, In e (arrange l) <-> In e l.
Notation needs := (needs uses).
Notation waits := (waits worker uses arrange).

(* Without the filter there is a wait for each resource, as the ordered locks have it. *)
Theorem direct_waits_are_enough : planned worker needs uses.
Proof. intros r i j H. apply one. right. eapply needs_spec; eauto. Qed.

(* With and without the filter, the same executions are admitted. *)
Theorem filter_loses_nothing : forall n size, (forall i, 0 < size i) ->
  forall h, admitted n size worker waits h <-> admitted n size worker needs h.
Proof.
  intros n size pos h. split; induction 1 as [|h [j k] A IH En];
    try apply start; apply act; auto; destruct En as (V & X & L & C); repeat split; auto;
    intros i E.
  - assert (leads worker waits i j) as Lead
      by (destruct E; [apply one; left|eapply needs_lead]; eauto).
    destruct Lead as [i j E'|i m j Lead E']; [auto|].
    apply (leads_complete n size pos worker waits i m Lead h 0 A), (C m E'), pos.
  - apply C. destruct E; [left|right; eapply waits_needed]; eauto.
Qed.

(* The promise. [update] applies one act to the state; [block] is the resource of a variable. *)
Theorem dataflow_is_serial : forall n size, (forall i, 0 < size i) ->
  forall (Var Value : Type) (reads writes : Act -> Var -> bool)
    (update : Act -> State Var Value -> State Var Value) (block : Var -> nat),
  (forall a s v, writes a v = false -> update a s v = s v) ->
  (forall a s t, (forall v, reads a v = true -> s v = t v) ->
    forall v, writes a v = true -> update a s v = update a t v) ->
  (forall a v, reads a v || writes a v = true -> In (block v) (uses (fst a))) ->
  forall h s, admitted n size worker waits h ->
    (forall a, ~ enabled n size worker waits h a) ->
    same Var Value (exec Var Value Act update (serial n size) s)
                   (exec Var Value Act update (rev h) s).
Proof.
  intros. eapply schedule_is_serial; eauto.
  - apply filtered_waits_name_earlier; auto.
  - apply filtered_waits_are_enough; auto.
Qed.
End Dataflow.

(* Step 2 needs 0 and 1, but 1 has waited for 0: one wait is left. *)
Example filter_drops : let uses := nth_default [] [[0; 1]; [1; 2]; [0; 2]] in
  needs uses 2 = [0; 1] /\ waits (fun i => i) uses (@rev nat) 2 = [1].
Proof. split; reflexivity. Qed.

Print Assumptions direct_waits_are_enough.
Print Assumptions filter_loses_nothing.
Print Assumptions dataflow_is_serial.
