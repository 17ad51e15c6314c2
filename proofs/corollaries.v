(* The trace theorem in the shapes that the planners use: orders of samples, tasks as runs of
   samples, blocks as coarse resources, groups of a batch, CYCLADES. *)

Require Import List Permutation Bool Lia.
Require Import trace.
Import ListNotations.

(* In an ascending list, what stands before is smaller. *)
Lemma before_seq : forall n m i j, before (seq m n) i j -> i < j.
Proof.
  induction n as [|n IH]; simpl; intros m i j H; [tauto|].
  destruct H as [[E H]|H]; [apply in_seq in H; lia|eauto].
Qed.

Section Corollaries.
Variables Var Value Step : Type.
Variables reads writes : Step -> Var -> bool.
Variable update : Step -> State Var Value -> State Var Value.
Hypothesis frame : forall a s v, writes a v = false -> update a s v = s v.
Hypothesis local : forall a s t, (forall v, reads a v = true -> s v = t v) ->
  forall v, writes a v = true -> update a s v = update a t v.

Notation independent := (independent Var Step reads writes).
Notation exec := (exec Var Value Step update).
Notation same := (same Var Value).
Notation touches a v := (reads a v || writes a v).

(* Steps without a common variable are independent. *)
Lemma disjoint_independent : forall a b,
  (forall v, touches a v = true -> touches b v = false) -> independent a b.
Proof.
  intros a b H v. specialize (H v).
  destruct (reads a v), (writes a v), (reads b v), (writes b v); simpl in H;
    split; intro; split; auto; discriminate (H eq_refl) || discriminate.
Qed.

(* Tasks and blocks. A step belongs to a task; a task uses resources, and every variable that
   its steps touch lies in one of these. A resource may be a variable or a block of them. *)
Section Tasks.
Variables Task Resource : Type.
Variable task : Step -> Task.
Variable uses : Task -> Resource -> Prop.
Variable block : Var -> Resource.
Hypothesis cover : forall a v, touches a v = true -> uses (task a) (block v).

Definition share (t u : Task) := exists r, uses t r /\ uses u r.

Lemma strangers_independent : forall a b, ~ share (task a) (task b) -> independent a b.
Proof.
  intros a b H. apply disjoint_independent. intros v A.
  destruct (touches b v) eqn:B; auto. destruct H. exists (block v). auto.
Qed.

(* The steps of tasks that share no resource may be mixed at will, also within the tasks. *)
Theorem tasks_and_blocks : forall pi sigma s,
  NoDup pi -> Permutation pi sigma ->
  (forall a b, before pi a b -> before sigma b a -> ~ share (task a) (task b)) ->
  same (exec pi s) (exec sigma s).
Proof.
  intros pi sigma s N P H. apply serial_equivalence with reads writes; auto.
  intros a b H1 H2. apply strangers_independent; auto.
Qed.
End Tasks.

(* Groups: [level] is the number of the group, counted on from batch to batch. A step's group is
   later than that of every earlier step that it conflicts with; groups run one after another,
   each in any order inside. *)
Corollary groups_of_a_batch : forall (level : Step -> nat) pi sigma s,
  NoDup pi -> Permutation pi sigma ->
  (forall a b, before pi a b -> level a < level b \/ independent a b) ->
  (forall a b, before sigma a b -> level a <= level b) ->
  same (exec pi s) (exec sigma s).
Proof.
  intros level pi sigma s N P G H. apply serial_equivalence with reads writes; auto.
  intros a b H1 H2. specialize (H _ _ H2). destruct (G _ _ H1); [lia|auto].
Qed.

(* CYCLADES: batches one after another; in a batch conflicting steps are of one component, and
   each component runs in serial order. *)
Corollary cyclades_components : forall (batch component : Step -> nat) pi sigma s,
  NoDup pi -> Permutation pi sigma ->
  (forall a b, before pi a b -> batch a <= batch b) ->
  (forall a b, before sigma a b -> batch a <= batch b) ->
  (forall a b, batch a = batch b -> component a <> component b -> independent a b) ->
  (forall a b, before pi a b -> batch a = batch b -> component a = component b ->
     before sigma a b) ->
  same (exec pi s) (exec sigma s).
Proof.
  intros batch component pi sigma s N P B1 B2 D K.
  apply serial_equivalence with reads writes; auto.
  intros a b H1 H2. specialize (B1 _ _ H1) as Hab. specialize (B2 _ _ H2) as Hba.
  destruct (PeanoNat.Nat.eq_dec (component a) (component b)) as [E|E].
  - exfalso. apply (before_asym _ sigma a b (Permutation_NoDup P N)); auto.
    apply K; auto; lia.
  - apply D; auto; lia.
Qed.
End Corollaries.

(* An order of samples in which samples may repeat: the steps are the positions 0, 1, ... *)
Section Samples.
Variables Var Value Sample : Type.
Variables reads writes : Sample -> Var -> bool.
Variable update : Sample -> State Var Value -> State Var Value.
Hypothesis frame : forall a s v, writes a v = false -> update a s v = s v.
Hypothesis local : forall a s t, (forall v, reads a v = true -> s v = t v) ->
  forall v, writes a v = true -> update a s v = update a t v.
Notation same := (same Var Value).

Theorem orders_with_repeats : forall (default : Sample) (order : list Sample) sigma s,
  let sample i := nth i order default in
  Permutation (seq 0 (length order)) sigma ->
  (forall i j, i < j -> before sigma j i ->
     independent Var Sample reads writes (sample i) (sample j)) ->
  same (exec Var Value Sample update order s)
       (exec Var Value Sample update (map sample sigma) s).
Proof.
  intros default order sigma s sample P R.
  assert (forall l t, exec Var Value Sample update (map sample l) t =
                      exec Var Value nat (fun i => update (sample i)) l t) as M.
  { induction l; simpl; auto. }
  assert (map sample (seq 0 (length order)) = order) as E.
  { clear. apply nth_ext with default default; rewrite map_length, seq_length; auto.
    intros n H. rewrite nth_indep with (d' := sample 0) by (rewrite map_length, seq_length; auto).
    rewrite map_nth, seq_nth; auto. }
  rewrite <- E at 1. rewrite !M.
  apply serial_equivalence with (fun i => reads (sample i)) (fun i => writes (sample i)); auto.
  - apply seq_NoDup.
  - intros i j H1 H2. apply (R i j); auto. exact (before_seq _ _ _ _ H1).
Qed.
End Samples.

Print Assumptions tasks_and_blocks.
Print Assumptions groups_of_a_batch.
Print Assumptions cyclades_components.
Print Assumptions orders_with_repeats.
