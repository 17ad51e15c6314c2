(* Trace theorem: an execution in which only independent steps change places ends in the state
   of the serial run.

   A step is one position of the order, so a sample that repeats has several steps. States are
   compared variable by variable: no axiom is needed. *)

Require Import List Permutation Bool Lia.
Import ListNotations.

(* [before l a b]: somewhere in [l], [a] stands before [b]. *)
Fixpoint before {A} (l : list A) (a b : A) : Prop :=
  match l with
  | [] => False
  | x :: rest => (x = a /\ In b rest) \/ before rest a b
  end.

Lemma before_in : forall A (l : list A) a b, before l a b -> In a l /\ In b l.
Proof. induction l as [|x l IH]; simpl; firstorder. Qed.

Lemma before_insert : forall A (l1 l2 : list A) x a b,
  before (l1 ++ l2) a b -> before (l1 ++ x :: l2) a b.
Proof.
  induction l1 as [|y l1 IH]; simpl; intros l2 x a b H; auto.
  destruct H as [[E H]|H]; [left|right; auto].
  split; auto. rewrite in_app_iff in *. simpl. tauto.
Qed.

Lemma before_split : forall A (l1 l2 : list A) a b, In a l1 -> before (l1 ++ b :: l2) a b.
Proof.
  induction l1 as [|y l1 IH]; simpl; intros l2 a b H; [tauto|].
  destruct H as [E|H]; [left|right; auto]. rewrite in_app_iff. simpl. auto.
Qed.

(* Without repetition, nothing stands both before and after another. *)
Lemma before_asym : forall A (l : list A) a b, NoDup l -> before l a b -> ~ before l b a.
Proof.
  induction l as [|x l IH]; simpl; intros a b N H1 H2; [tauto|].
  inversion N as [|? ? X N']; subst.
  destruct H1 as [[E1 H1]|H1]; destruct H2 as [[E2 H2]|H2]; subst; try tauto.
  - apply X, (before_in _ _ _ _ H2).
  - apply X, (before_in _ _ _ _ H1).
  - exact (IH a b N' H1 H2).
Qed.

Section Trace.
Variables Var Value Step : Type.
Definition State := Var -> Value.
Definition same (s t : State) := forall v, s v = t v.

(* A step reads some variables and writes some; it leaves all others alone (frame), and what it
   writes depends on nothing but what it reads (local). *)
Variables reads writes : Step -> Var -> bool.
Variable update : Step -> State -> State.
Hypothesis frame : forall a s v, writes a v = false -> update a s v = s v.
Hypothesis local : forall a s t, (forall v, reads a v = true -> s v = t v) ->
  forall v, writes a v = true -> update a s v = update a t v.

Definition exec (l : list Step) (s : State) : State := fold_left (fun s a => update a s) l s.

(* Independent: neither writes what the other reads or writes. Both may read the same. *)
Definition independent a b := forall v,
  (writes a v = true -> reads b v = false /\ writes b v = false) /\
  (writes b v = true -> reads a v = false /\ writes a v = false).

Lemma same_trans : forall s t u, same s t -> same t u -> same s u.
Proof. intros s t u H K v. rewrite (H v). apply K. Qed.

Lemma update_same : forall a s t, same s t -> same (update a s) (update a t).
Proof.
  intros a s t H v. destruct (writes a v) eqn:W.
  - apply local; auto.
  - rewrite !frame; auto.
Qed.

Lemma exec_same : forall l s t, same s t -> same (exec l s) (exec l t).
Proof. induction l; simpl; auto using update_same. Qed.

(* Independent steps commute. *)
Lemma commute : forall a b s, independent a b ->
  same (update a (update b s)) (update b (update a s)).
Proof.
  intros a b s I v. destruct (writes a v) eqn:A; destruct (writes b v) eqn:B.
  - destruct (I v) as [H _]. destruct (H A). congruence.
  - rewrite (frame b (update a s) v B). apply local; auto.
    intros u R. apply frame. destruct (writes b u) eqn:W; auto.
    destruct (I u) as [_ H]. destruct (H W). congruence.
  - rewrite (frame a (update b s) v A). apply local; auto.
    intros u R. symmetry. apply frame. destruct (writes a u) eqn:W; auto.
    destruct (I u) as [H _]. destruct (H W). congruence.
  - rewrite !frame; auto.
Qed.

(* A step moves to the front past all that it is independent of. *)
Lemma move_to_front : forall l1 l2 a s, (forall b, In b l1 -> independent a b) ->
  same (exec (l1 ++ a :: l2) s) (exec (a :: l1 ++ l2) s).
Proof.
  induction l1 as [|b l1 IH]; intros l2 a s I; [intro; reflexivity|].
  simpl app. eapply same_trans; [apply (IH l2 a (update b s))|]; simpl in *; auto.
  apply exec_same, commute; auto.
Qed.

(* An execution respects the serial order if only independent steps change places. *)
Definition respects (pi sigma : list Step) :=
  forall a b, before pi a b -> before sigma b a -> independent a b.

Theorem serial_equivalence : forall pi sigma s,
  NoDup pi -> Permutation pi sigma -> respects pi sigma -> same (exec pi s) (exec sigma s).
Proof.
  induction pi as [|a pi IH]; intros sigma s N P R.
  - apply Permutation_nil in P. subst. intro; reflexivity.
  - assert (In a sigma) as Ia by (apply (Permutation_in _ P); simpl; auto).
    destruct (in_split _ _ Ia) as (l1 & l2 & E). subst sigma.
    apply NoDup_cons_iff in N. destruct N as [X N].
    assert (Permutation pi (l1 ++ l2)) as P' by exact (Permutation_cons_app_inv _ _ P).
    assert (forall b, In b l1 -> independent a b) as I.
    { intros b B. apply R; [left; split; auto|apply before_split; auto].
      apply (Permutation_in b (Permutation_sym P')). apply in_or_app; auto. }
    intro v. rewrite (move_to_front l1 l2 a s I v). simpl. apply IH; auto.
    intros b c H1 H2. apply R; [right; auto|apply before_insert; auto].
Qed.

(* Conflicts that are decided: every conflicting pair keeps its order. *)
Corollary conflict_order : forall (conflict : Step -> Step -> bool) pi sigma s,
  (forall a b, conflict a b = false -> independent a b) ->
  NoDup pi -> Permutation pi sigma ->
  (forall a b, before pi a b -> conflict a b = true -> before sigma a b) ->
  same (exec pi s) (exec sigma s).
Proof.
  intros conflict pi sigma s C N P K. apply serial_equivalence; auto.
  intros a b H1 H2. destruct (conflict a b) eqn:E; auto.
  exfalso. apply (before_asym _ sigma a b (Permutation_NoDup P N)); auto.
Qed.

(* Read-only sharing: if neither of two steps writes what they have in common, they commute. *)
Corollary read_only_sharing : forall a b s,
  (forall v, reads a v || writes a v = true -> reads b v || writes b v = true ->
     writes a v = false /\ writes b v = false) ->
  same (exec [a; b] s) (exec [b; a] s).
Proof.
  intros a b s H v. symmetry. simpl. apply commute. intro u. specialize (H u).
  destruct (reads a u), (writes a u), (reads b u), (writes b u); simpl in H;
    split; intro; split; auto; destruct H; auto; discriminate.
Qed.
End Trace.

(* Closed under the global context: nothing is assumed. *)
Print Assumptions serial_equivalence.
Print Assumptions conflict_order.
Print Assumptions read_only_sharing.
