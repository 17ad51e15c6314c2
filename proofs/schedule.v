(* Schedules: per-worker queues in serial order, and waits that lead from every step to the next
   on each resource. Here: what an execution is, that conflicting steps cannot overtake each
   other, and that there is no deadlock. executions.v concludes that the bits are the same.

   Steps are 0 .. n-1 in serial order. A step consists of acts, the single loads, stores and
   sums of its kernel; acts of different workers may be mixed in any way. *)

Require Import List Permutation Bool Lia Arith.
Import ListNotations.

Definition Act := (nat * nat)%type.             (* (step, number within the step) *)
Definition act_dec : forall a b : Act, {a = b} + {a <> b}.
Proof. decide equality; apply Nat.eq_dec. Defined.

Section Schedule.
Variable n : nat.
Variable size : nat -> nat.                     (* number of acts of a step *)
Hypothesis size_positive : forall i, 0 < size i. (* an empty step: one act that does nothing *)
Variable worker : nat -> nat.                   (* who runs a step *)
Variable waits : nat -> list nat.               (* steps to be done before a step starts *)

Definition acts i : list Act := map (pair i) (seq 0 (size i)).
Definition serial : list Act := flat_map acts (seq 0 n).

Lemma in_acts : forall i j k, In (j, k) (acts i) <-> j = i /\ k < size i.
Proof.
  intros i j k. unfold acts. rewrite in_map_iff. split.
  - intros (m & E & H). inversion E; subst. apply in_seq in H. lia.
  - intros [-> H]. exists k. rewrite in_seq. split; auto; lia.
Qed.

Lemma in_serial : forall i k, In (i, k) serial <-> i < n /\ k < size i.
Proof.
  intros i k. unfold serial. rewrite in_flat_map. split.
  - intros (j & H & A). apply in_acts in A. apply in_seq in H. destruct A; subst; lia.
  - intros [H A]. exists i. rewrite in_seq, in_acts. split; auto; lia.
Qed.

(* The schedule itself puts [i] directly before [j]: same queue, or a wait. *)
Definition edge i j := (i < j /\ worker i = worker j) \/ In i (waits j).

(* What the edges imply, transitively. *)
Inductive leads : nat -> nat -> Prop :=
  | one : forall i j, edge i j -> leads i j
  | more : forall i j k, leads i j -> edge j k -> leads i k.

Lemma leads_trans : forall i j k, leads i j -> leads j k -> leads i k.
Proof. intros i j k H K. induction K; eauto using more. Qed.

(* Histories: lists of acts, the latest first. An act may run when the acts before it in its
   step have run, and its step when all steps directly before it are complete. *)
Definition complete (h : list Act) i := forall k, k < size i -> In (i, k) h.
Definition enabled (h : list Act) (a : Act) := let (j, k) := a in
  In a serial /\ ~ In a h /\ (forall l, l < k -> In (j, l) h) /\
  (forall i, edge i j -> complete h i).

Inductive admitted : list Act -> Prop :=
  | start : admitted []
  | act : forall h a, admitted h -> enabled h a -> admitted (a :: h).

(* If an act has run, the steps directly before its step are complete. *)
Lemma edge_complete : forall h, admitted h ->
  forall i j k, edge i j -> In (j, k) h -> complete h i.
Proof.
  induction 1 as [|h a A IH En]; simpl; intros i j k E H; [tauto|].
  assert (complete h i) by (destruct H as [->|H]; [apply En; auto|eauto]).
  intros l Hl. simpl. auto.
Qed.

(* So are all that lead to it. *)
Lemma leads_complete : forall i j, leads i j ->
  forall h k, admitted h -> In (j, k) h -> complete h i.
Proof.
  intros i j L. induction L as [i j E|i j m L IH E]; intros h k A H.
  - exact (edge_complete h A i j k E H).
  - apply (IH h 0 A), (edge_complete h A j m k E H), size_positive.
Qed.

(* [last_use r i j]: i is the last step before j on resource r. The planner's rule: it waits for
   that step, or the queue or other waits already imply that it is done. *)
Variable uses : nat -> list nat. (* resources of a step *)
Definition last_use r i j := i < j /\ In r (uses i) /\ In r (uses j) /\
  forall m, i < m < j -> ~ In r (uses m).
Definition planned := forall r i j, last_use r i j -> leads i j.

Theorem conflicts_are_ordered : planned ->
  forall r i j, i < j -> In r (uses i) -> In r (uses j) -> leads i j.
Proof.
  intros P r. assert (forall d i j, j - i <= d -> i < j ->
    In r (uses i) -> In r (uses j) -> leads i j) as Main.
  { induction d as [|d IH]; intros i j D L Ui Uj; [lia|].
    pose (used m := if in_dec Nat.eq_dec r (uses m) then true else false).
    destruct (existsb used (seq (S i) (j - S i))) eqn:E.
    - apply existsb_exists in E. destruct E as (m & M & U). apply in_seq in M.
      unfold used in U. destruct (in_dec _ r (uses m)); [|discriminate].
      apply leads_trans with m; apply IH; auto; lia.
    - apply P with r. repeat split; auto. intros m M U.
      assert (existsb used (seq (S i) (j - S i)) = true); [|congruence].
      apply existsb_exists. exists m. rewrite in_seq. split; [lia|].
      unfold used. destruct (in_dec _ r (uses m)); auto. }
  intros i j. apply Main with (d := j - i). lia.
Qed.

(* The first number without a property that can be decided. *)
Lemma first_without : forall (P : nat -> Prop), (forall i, {P i} + {~ P i}) ->
  forall m, (forall i, i < m -> P i) \/ exists j, j < m /\ ~ P j /\ forall i, i < j -> P i.
Proof.
  intros P D m. induction m as [|m [A|(j & J & H)]]; [left; lia| |right; exists j; split; auto].
  destruct (D m) as [Y|N]; [left|right; exists m; auto].
  intros i Hi. destruct (Nat.eq_dec i m); [subst; auto|apply A; lia].
Qed.

(* No deadlock: a wait names an earlier step, so the first step that is not complete can go on. *)
Hypothesis waits_name_earlier : forall i j, In i (waits j) -> i < j.

Lemma complete_dec : forall h i, {complete h i} + {~ complete h i}.
Proof.
  intros h i.
  destruct (forallb (fun k => if in_dec act_dec (i, k) h then true else false)
    (seq 0 (size i))) eqn:E.
  - left. intros k K. rewrite forallb_forall in E. specialize (E k). rewrite in_seq in E.
    destruct (in_dec act_dec (i, k) h); auto. discriminate E. lia.
  - right. intro C. apply not_true_iff_false in E. apply E, forallb_forall. intros k K.
    apply in_seq in K. destruct (in_dec act_dec (i, k) h) as [|X]; auto. destruct X. apply C. lia.
Qed.

Theorem some_worker_can_step : forall h,
  (forall i, i < n -> complete h i) \/ exists a, enabled h a.
Proof.
  intro h. destruct (first_without _ (complete_dec h) n) as [C|(j & J & X & C)]; auto. right.
  destruct (first_without (fun k => In (j, k) h) (fun k => in_dec act_dec (j, k) h) (size j))
    as [D|(k & K & Y & L)]; [destruct (X D)|].
  exists (j, k). repeat split; auto; [apply in_serial; auto|].
  intros i [[Hi _]|Hi]; apply C; auto.
Qed.
End Schedule.

Print Assumptions conflicts_are_ordered.
Print Assumptions some_worker_can_step.
