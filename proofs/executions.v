(* Every execution that a planned schedule admits ends in the state of the serial run. *)

Require Import List Permutation Bool Lia Arith.
Require Import trace corollaries schedule.
Import ListNotations.

Lemma before_app : forall A (l1 l2 : list A) a b, before (l1 ++ l2) a b ->
  before l1 a b \/ before l2 a b \/ (In a l1 /\ In b l2).
Proof.
  induction l1 as [|x l1 IH]; simpl; intros l2 a b H; auto.
  destruct H as [[-> H]|H]; [apply in_app_iff in H|apply IH in H]; tauto.
Qed.

Lemma nodup_app : forall A (l1 l2 : list A), NoDup l1 -> NoDup l2 ->
  (forall a, In a l1 -> ~ In a l2) -> NoDup (l1 ++ l2).
Proof.
  induction l1 as [|x l1 IH]; simpl; intros l2 N1 N2 D; auto.
  apply NoDup_cons_iff in N1. destruct N1 as [X N1]. constructor.
  - rewrite in_app_iff. intros [H|H]; [tauto|exact (D x (or_introl eq_refl) H)].
  - apply IH; auto.
Qed.

Lemma before_map : forall A B (f : A -> B) l a b, before (map f l) a b ->
  exists x y, f x = a /\ f y = b /\ before l x y.
Proof.
  induction l as [|z l IH]; simpl; intros a b H; [tauto|].
  destruct H as [[E H]|H].
  - apply in_map_iff in H. destruct H as (y & F & H). exists z, y. auto.
  - destruct (IH _ _ H) as (x & y & H'). exists x, y. tauto.
Qed.

Section Executions.
Variable n : nat.
Variable size : nat -> nat.
Hypothesis size_positive : forall i, 0 < size i.
Variable worker : nat -> nat.
Variable uses waits : nat -> list nat.

Notation acts := (acts size).
Notation serial := (serial n size).
Notation enabled := (enabled n size worker waits).
Notation admitted := (admitted n size worker waits).
Notation planned := (planned worker waits uses).

Lemma serial_nodup : NoDup serial.
Proof.
  unfold serial. generalize 0. induction n as [|m IH]; simpl; intro b; constructor || idtac.
  apply nodup_app; auto.
  - apply FinFun.Injective_map_NoDup; [intros x y E; congruence|apply seq_NoDup].
  - intros [i k] H K. apply in_acts in H. apply in_flat_map in K.
    destruct K as (j & J & K). apply in_acts in K. apply in_seq in J. lia.
Qed.

(* In the serial order a step follows the earlier ones, an act the earlier ones of its step. *)
Lemma serial_order : forall i k j l, before serial (i, k) (j, l) -> i < j \/ i = j /\ k < l.
Proof.
  unfold serial. generalize 0. induction n as [|m IH]; simpl; intros b i k j l H; [tauto|].
  apply before_app in H. destruct H as [H|[H|[H K]]].
  - apply before_map in H. destruct H as (x & y & E & F & H).
    inversion E; inversion F; subst. apply before_seq in H. auto.
  - eauto.
  - apply in_acts in H. apply in_flat_map in K. destruct K as (p & P & K).
    apply in_acts in K. apply in_seq in P. lia.
Qed.

(* When an act ran, those before it in the history had run and it had not. *)
Lemma moment : forall h, admitted h -> forall a b, before (rev h) a b ->
  exists h', admitted h' /\ In a h' /\ ~ In b h'.
Proof.
  induction 1 as [|h c A IH En]; simpl; intros a b H; [tauto|].
  apply before_app in H. destruct H as [H|[H|[H K]]].
  - eauto.
  - simpl in H. tauto.
  - destruct K as [->|[]]. exists h. rewrite <- in_rev in H.
    destruct b. destruct En as (_ & X & _). auto.
Qed.

Lemma acts_in_order : forall h, admitted h -> forall i k l, In (i, l) h -> k < l -> In (i, k) h.
Proof.
  induction 1 as [|h a A IH En]; simpl; intros i k l H K; [tauto|]. right.
  destruct H as [->|H]; [destruct En as (_ & _ & L & _); auto|eauto].
Qed.

Lemma history_nodup : forall h, admitted h -> NoDup h.
Proof.
  induction 1 as [|h [j k] A IH En]; constructor; auto. destruct En as (_ & X & _). auto.
Qed.

Lemma history_valid : forall h a, admitted h -> In a h -> In a serial.
Proof.
  intros h a A. induction A as [|h [j k] A IH En]; simpl; intro H; [tauto|].
  destruct H as [<-|H]; [apply En|auto].
Qed.

(* The state: each act touches only variables in the resources of its step. *)
Variables Var Value : Type.
Variables reads writes : Act -> Var -> bool.
Variable update : Act -> State Var Value -> State Var Value.
Hypothesis frame : forall a s v, writes a v = false -> update a s v = s v.
Hypothesis local : forall a s t, (forall v, reads a v = true -> s v = t v) ->
  forall v, writes a v = true -> update a s v = update a t v.
Variable block : Var -> nat.
Hypothesis cover : forall a v, reads a v || writes a v = true -> In (block v) (uses (fst a)).

(* [h] has come to its end: nothing is enabled. By [some_worker_can_step] all is done then. *)
Hypothesis waits_name_earlier : forall i j, In i (waits j) -> i < j.

Theorem schedule_is_serial : planned -> forall h s, admitted h -> (forall a, ~ enabled h a) ->
  same Var Value (exec Var Value Act update serial s) (exec Var Value Act update (rev h) s).
Proof.
  intros P h s A End. apply tasks_and_blocks with reads writes nat nat
    (@fst nat nat) (fun i r => In r (uses i)) block; auto using serial_nodup.
  - apply NoDup_Permutation; [apply serial_nodup|apply NoDup_rev, history_nodup, A|].
    intros [i k]. rewrite <- in_rev. split; [|apply history_valid, A].
    destruct (some_worker_can_step n size worker waits waits_name_earlier h) as [C|[a X]];
      [|destruct (End a X)].
    rewrite in_serial. intros [I K]. exact (C i I k K).
  - intros [i k] [j l] H1 H2 (r & Ui & Uj). simpl in Ui, Uj.
    destruct (moment h A _ _ H2) as (h' & A' & In' & X). apply X.
    destruct (serial_order _ _ _ _ H1) as [L|[<- L]].
    + assert (leads worker waits i j) as Lead by
        exact (conflicts_are_ordered worker waits uses P r i j L Ui Uj).
      apply (leads_complete n size size_positive worker waits i j Lead h' l A' In').
      apply before_in in H1. destruct H1 as [H1 _]. apply in_serial in H1. tauto.
    + exact (acts_in_order h' A' i k l In' L).
Qed.
End Executions.

Print Assumptions schedule_is_serial.
