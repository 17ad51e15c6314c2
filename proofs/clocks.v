(* The vector clocks of the dataflow planner: a wait that other waits imply may be dropped.

   Clock [c] says: of worker [u]'s steps those below [c u] are known to be done. *)

Require Import List Bool Lia Arith.
Require Import schedule.
Import ListNotations.

Definition Clock := nat -> nat.
Definition set {A} (f : nat -> A) (x : nat) (a : A) y := if y =? x then a else f y.

Section Clocks.
Variable worker : nat -> nat.
Variable uses : nat -> list nat.

(* The last step before [i] on each resource of step [i]. *)
Definition on r m := if in_dec Nat.eq_dec r (uses m) then true else false.
Definition needs i : list nat :=
  flat_map (fun r => match find (on r) (rev (seq 0 i)) with Some e => [e] | None => [] end)
    (uses i).

(* They are looked at in some order; the planner takes the latest first. *)
Variable arrange : list nat -> list nat.
Hypothesis arrange_keeps : forall l e, In e (arrange l) <-> In e l.

(* What a wait for step [e] teaches: all up to [e], and what [e]'s worker knew at [e]. *)
Definition join (c : Clock) e (then_ : Clock) : Clock :=
  fun u => if u =? worker e then S e else max (c u) (then_ u).

(* Take the needs one by one; wait only for what the clock does not cover. *)
Fixpoint take (after : nat -> Clock) w (l : list nat) (c : Clock) : Clock * list nat :=
  match l with
  | [] => (c, [])
  | e :: rest =>
      if (worker e =? w) || (e <? c (worker e)) then take after w rest c
      else let (c', ws) := take after w rest (join c e (after e)) in (c', e :: ws)
  end.

(* [now]: clock of each worker; [after]: clock of each step's worker after the step's waits. *)
Record Plan := { now : nat -> Clock; after : nat -> Clock; waiting : nat -> list nat }.
Fixpoint plan i : Plan :=
  match i with
  | 0 => {| now := fun _ _ => 0; after := fun _ _ => 0; waiting := fun _ => [] |}
  | S i => let p := plan i in
      let (c, ws) := take (after p) (worker i) (arrange (needs i)) (now p (worker i)) in
      {| now := set (now p) (worker i) c; after := set (after p) i c;
         waiting := set (waiting p) i ws |}
  end.
Definition waits i := waiting (plan (S i)) i.

Notation edge := (edge worker waits).
Notation leads := (leads worker waits).

Lemma needs_spec : forall r e i, last_use uses r e i -> In e (needs i).
Proof.
  intros r e i (L & Ue & Ui & N). apply in_flat_map. exists r. split; auto.
  assert (find (on r) (rev (seq 0 i)) = Some e) as ->; [|simpl; auto].
  replace i with (e + S (i - S e)) by lia. rewrite seq_app, rev_app_distr. simpl.
  rewrite <- app_assoc. assert (on r e = true) as E.
  { unfold on. destruct (in_dec _ r (uses e)); tauto. }
  assert (forall l tail, (forall m, In m l -> e < m < i) ->
    find (on r) (l ++ e :: tail) = Some e) as F.
  { induction l as [|m l IH]; simpl; intros tail B; [rewrite E; auto|].
    unfold on at 1. destruct (in_dec _ r (uses m)) as [U|_].
    - destruct (N m (B m (or_introl eq_refl)) U).
    - apply IH. intros; apply B; auto. }
  apply F. intros m M. apply in_rev, in_seq in M. lia.
Qed.

Lemma needs_earlier : forall e i, In e (needs i) -> e < i.
Proof.
  intros e i H. apply in_flat_map in H. destruct H as (r & _ & H).
  destruct (find (on r) (rev (seq 0 i))) eqn:F; [|destruct H].
  apply find_some in F. destruct F as [F _]. apply in_rev, in_seq in F.
  destruct H as [<-|[]]. lia.
Qed.

Lemma take_subset : forall k w l c e, In e (snd (take k w l c)) -> In e l.
Proof.
  induction l as [|x l IH]; simpl; intros c e H; [tauto|].
  destruct ((worker x =? w) || (x <? c (worker x))); [eauto|].
  specialize (IH (join c x (k x)) e).
  destruct (take k w l (join c x (k x))). simpl in *. tauto.
Qed.

(* A clock is good for [i] if all that it covers leads to [i]. *)
Definition good (c : Clock) i := forall e, e < c (worker e) -> leads e i.

(* Waits keep the clock good, and every need is met. *)
Lemma take_good : forall k i l c,
  (forall e, In e l -> e < i /\ good (k e) e) -> good c i ->
  (forall e, In e (snd (take k (worker i) l c)) -> In e (waits i)) ->
  good (fst (take k (worker i) l c)) i /\ forall e, In e l -> leads e i.
Proof.
  induction l as [|x l IH]; simpl; intros c K G W; [tauto|].
  destruct (K x (or_introl eq_refl)) as [X Gx].
  destruct (worker x =? worker i) eqn:Own; [|destruct (x <? c (worker x)) eqn:Known]; simpl in *.
  - destruct (IH c) as [IH1 IH2]; auto. split; auto. intros e [<-|H]; auto.
    apply one. left. apply Nat.eqb_eq in Own. auto.
  - destruct (IH c) as [IH1 IH2]; auto. split; auto. intros e [<-|H]; auto.
    apply Nat.ltb_lt in Known. auto.
  - specialize (IH (join c x (k x))).
    destruct (take k (worker i) l (join c x (k x))) as [c' ws]. simpl in *.
    assert (leads x i) as Lx by (apply one; right; auto).
    destruct IH as [IH1 IH2]; auto.
    + intros e H. unfold join in H. destruct (worker e =? worker x) eqn:E.
      * apply Nat.eqb_eq in E. destruct (Nat.eq_dec e x) as [->|D]; auto.
        apply more with x; [apply one; left; split; auto; lia|right; auto].
      * assert (e < c (worker e) \/ e < k x (worker e)) as [K'|K'] by lia;
          [auto|apply leads_trans with x; auto].
    + split; auto. intros e [<-|H]; auto.
Qed.

(* At every point of the scan all clocks are good. *)
Lemma plan_good : forall i,
  (forall m, i <= m -> good (now (plan i) (worker m)) m) /\
  (forall j, j < i -> good (after (plan i) j) j).
Proof.
  induction i as [|i [Now After]]; simpl; [split; [intros m _ e H; simpl in H; lia|lia]|].
  match goal with |- context [take ?known _ _ _] =>
    destruct (take_good known i (arrange (needs i)) (now (plan i) (worker i))) as [G _]; auto
  end.
  - intros e H. apply arrange_keeps, needs_earlier in H. split; [exact H|exact (After e H)].
  - intros e H. unfold waits. simpl. destruct (take _ _ _ _). simpl in *.
    unfold set. rewrite Nat.eqb_refl. auto.
  - destruct (take _ _ _ _) as [c ws]. simpl in *. unfold set. split.
    + intros m M e H. destruct (worker m =? worker i) eqn:E.
      * apply more with i; auto. left. apply Nat.eqb_eq in E. split; [lia|auto].
      * apply Now; auto; lia.
    + intros j J. destruct (j =? i) eqn:E; [apply Nat.eqb_eq in E; subst; auto|].
      apply Nat.eqb_neq in E. apply After. lia.
Qed.

Lemma needs_lead : forall i e, In e (needs i) -> leads e i.
Proof.
  intros i e H. destruct (plan_good i) as [Now After].
  apply (take_good (after (plan i)) i (arrange (needs i)) (now (plan i) (worker i)));
    auto; [| |apply arrange_keeps; auto].
  - intros x X. apply arrange_keeps, needs_earlier in X. auto.
  - intros x X. unfold waits. simpl. destruct (take _ _ _ _). simpl in *.
    unfold set. rewrite Nat.eqb_refl. auto.
Qed.

Lemma waits_needed : forall i e, In e (waits i) -> In e (needs i).
Proof.
  intros i e H. unfold waits in H. simpl in H.
  pose proof (take_subset (after (plan i)) (worker i) (arrange (needs i))
    (now (plan i) (worker i)) e) as T.
  destruct (take _ _ _ _) as [c ws]. simpl in *. unfold set in H.
  rewrite Nat.eqb_refl in H. apply arrange_keeps. auto.
Qed.

(* The waits that the filter leaves are enough: see [schedule_is_serial]. *)
Theorem filtered_waits_are_enough : planned worker waits uses.
Proof. intros r e i H. apply needs_lead, (needs_spec r), H. Qed.

Theorem filtered_waits_name_earlier : forall e i, In e (waits i) -> e < i.
Proof. intros e i H. apply needs_earlier, waits_needed, H. Qed.

End Clocks.

Print Assumptions filtered_waits_are_enough.
Print Assumptions filtered_waits_name_earlier.
