(* Sums in floating point: float64 numbers m * 2^e of one lattice, with the sum of their |m| at
   most 2^53, may be added in any order and grouping: same value, same bits. *)

Require Import ZArith Reals List Permutation Lia Lra Bool.
From Flocq Require Import Core BinarySingleNaN.
Require Import float.
Import ListNotations.

(* A way to add numbers up: their order and every parenthesis. *)
Inductive tree := Leaf (f : float64) | Node (l r : tree).
Fixpoint eval t := match t with Leaf f => f | Node l r => add (eval l) (eval r) end.
Fixpoint leaves t := match t with Leaf f => [f] | Node l r => leaves l ++ leaves r end.

(* [m] names the integer of each leaf. The bound is on the sum of the absolute values. *)
Section Sums.
Variable e : Z.
Variable m : float64 -> Z.
Hypothesis e_room : room e.
Definition total l := fold_right Z.add 0%Z (map m l).
Definition weight l := fold_right Z.add 0%Z (map (fun f => Z.abs (m f)) l).
Definition on_lattice l := forall f, In f l -> is e f (m f).

Lemma total_app : forall l k, total (l ++ k) = (total l + total k)%Z.
Proof. induction l; intro; unfold total in *; simpl; auto. rewrite IHl. ring. Qed.

Lemma weight_app : forall l k, weight (l ++ k) = (weight l + weight k)%Z.
Proof. induction l; intro; unfold weight in *; simpl; auto. rewrite IHl. ring. Qed.

Lemma total_weight : forall l, (Z.abs (total l) <= weight l)%Z.
Proof. induction l; unfold total, weight in *; simpl; lia. Qed.

Lemma sign : forall f n, is e f n ->
  ((0 < n)%Z -> Bsign f = false) /\ ((n < 0)%Z -> Bsign f = true).
Proof.
  intros f n [F V]. destruct f as [s|s| |s p q H]; try discriminate F; simpl in *.
  - split; intro N; exfalso.
    + apply (F2R_gt_0 radix2 (Float radix2 n e)) in N. unfold value in V. lra.
    + apply (F2R_lt_0 radix2 (Float radix2 n e)) in N. unfold value in V. lra.
  - destruct s; split; intro N; auto; exfalso; unfold value in V.
    + apply (F2R_gt_0 radix2 (Float radix2 n e)) in N.
      assert (F2R (Float radix2 (Zneg p) q) < 0)%R by (apply F2R_lt_0; simpl; lia).
      simpl in V. lra.
    + apply (F2R_lt_0 radix2 (Float radix2 n e)) in N.
      assert (F2R (Float radix2 (Zpos p) q) > 0)%R by (apply F2R_gt_0; simpl; lia).
      simpl in V. lra.
Qed.

Lemma negative_leaves : forall l, on_lattice l -> forallb (@Bsign prec emax) l = true ->
  (total l <= 0)%Z.
Proof.
  induction l as [|f l IH]; unfold total in *; simpl; intros L S; [lia|].
  apply andb_true_iff in S. destruct S as [S1 S2].
  assert (fold_right Z.add 0 (map m l) <= 0)%Z
    by (apply IH; auto; intros g G; apply L; simpl; auto).
  destruct (sign f (m f) (L f (or_introl eq_refl))) as [P _].
  destruct (Z_lt_le_dec 0 (m f)) as [Q|]; [rewrite P in S1; auto; discriminate|lia].
Qed.

(* Every grouping gives the exact sum; a zero is negative only if all its leaves are. *)
Theorem tree_exact : forall t, on_lattice (leaves t) -> (weight (leaves t) <= 2 ^ 53)%Z ->
  is e (eval t) (total (leaves t)) /\
  (total (leaves t) = 0%Z -> Bsign (eval t) = forallb (@Bsign prec emax) (leaves t)).
Proof.
  induction t as [f|l IHl r IHr]; simpl; intros L W.
  - replace (total [f]) with (m f) by (unfold total; simpl; ring).
    split; [apply L; simpl; auto|intros _; rewrite andb_true_r; auto].
  - rewrite weight_app in W. rewrite total_app, forallb_app.
    pose proof (total_weight (leaves l)). pose proof (total_weight (leaves r)).
    assert (on_lattice (leaves l)) as Ll by (intros f F; apply L, in_or_app; auto).
    assert (on_lattice (leaves r)) as Lr by (intros f F; apply L, in_or_app; auto).
    destruct IHl as [El Zl]; auto; [lia|]. destruct IHr as [Er Zr]; auto; [lia|].
    split; [apply add_exact; auto; lia|]. intro Z.
    rewrite (add_sign e _ _ _ _ El Er Z).
    destruct (sign _ _ El) as [Pl Nl]. destruct (sign _ _ Er) as [Pr Nr].
    destruct (Z.lt_trichotomy (total (leaves l)) 0) as [T|[T|T]].
    + rewrite Nl, Pr by lia. simpl.
      destruct (forallb _ (leaves r)) eqn:F; [|rewrite andb_false_r; auto].
      apply negative_leaves in F; auto; lia.
    + rewrite Zl, Zr by lia. auto.
    + rewrite Pl by lia. simpl.
      destruct (forallb _ (leaves l)) eqn:F; auto. apply negative_leaves in F; auto; lia.
Qed.

(* So two sums with the same exact value have the same bits, whatever their terms; for a zero its
   sign must agree too: it is + in both if both have a term that is not negative, as sums have
   that start from 0. *)
Theorem same_total_same_bits : forall t u, on_lattice (leaves t) -> on_lattice (leaves u) ->
  (weight (leaves t) <= 2 ^ 53)%Z -> (weight (leaves u) <= 2 ^ 53)%Z ->
  total (leaves t) = total (leaves u) ->
  forallb (@Bsign prec emax) (leaves t) = forallb (@Bsign prec emax) (leaves u) ->
  eval t = eval u.
Proof.
  intros t u Lt Lu Wt Wu T S.
  destruct (tree_exact t Lt Wt) as [[Ft Vt] Zt]. destruct (tree_exact u Lu Wu) as [[Fu Vu] Zu].
  apply B2R_Bsign_inj; auto; [congruence|].
  destruct (sign (eval t) (total (leaves t))) as [Pt Nt]; [split; auto|].
  destruct (sign (eval u) (total (leaves u))) as [Pu Nu]; [split; auto|].
  destruct (Z.lt_trichotomy (total (leaves t)) 0) as [N|[N|N]].
  - rewrite Nt, Nu; auto; lia.
  - rewrite Zt, Zu, S; auto; lia.
  - rewrite Pt, Pu; auto; lia.
Qed.

(* In particular the order and grouping of the terms do not matter. *)
Lemma leaves_permuted : forall l k, Permutation l k -> total l = total k /\
  weight l = weight k /\ forallb (@Bsign prec emax) l = forallb (@Bsign prec emax) k.
Proof.
  induction 1 as [|f l k P IH|f g l|l k j P IH Q IH']; unfold total, weight in *; simpl.
  - auto.
  - destruct IH as (-> & -> & ->). auto.
  - repeat split; try lia. destruct (Bsign f), (Bsign g); auto.
  - destruct IH as (-> & -> & ->). auto.
Qed.

Corollary any_grouping_same_bits : forall t u, Permutation (leaves t) (leaves u) ->
  on_lattice (leaves t) -> (weight (leaves t) <= 2 ^ 53)%Z -> eval t = eval u.
Proof.
  intros t u P L W. destruct (leaves_permuted _ _ P) as (T & E & S).
  apply same_total_same_bits; auto; [|lia].
  intros f F. apply L, (Permutation_in f (Permutation_sym P) F).
Qed.
End Sums.

(* The guard, in integers. A row [x] times weights of at most [most]: *)
Definition magnitude l := fold_right Z.add 0%Z (map Z.abs l).

Theorem guard : forall most (xw : list (Z * Z)), (forall p, In p xw -> Z.abs (snd p) <= most)%Z ->
  (magnitude (map (fun p => fst p * snd p) xw) <= most * magnitude (map fst xw))%Z.
Proof.
  unfold magnitude. induction xw as [|[a b] l IH]; simpl; intro H; [lia|].
  specialize (IH (fun p P => H p (or_intror P))). specialize (H (a, b) (or_introl eq_refl)).
  simpl in H. rewrite Z.abs_mul. nia.
Qed.

(* In a block every factor beta adds |beta| times the largest feature to the bound of the weights;
   with the Gram matrix (its entries are rows times rows: see [guard]) the budget is the same. *)
Theorem guard_of_a_block : forall feature row weights (bk : list (Z * Z)),
  (0 <= row)%Z -> (forall p, In p bk -> Z.abs (snd p) <= feature * row)%Z ->
  (weights * row + magnitude (map (fun p => fst p * snd p) bk) <=
   (weights + feature * magnitude (map fst bk)) * row)%Z.
Proof.
  intros feature row weights bk R H.
  assert (magnitude (map (fun p => fst p * snd p) bk) <=
          feature * row * magnitude (map fst bk))%Z by (apply guard; auto).
  lia.
Qed.

Print Assumptions same_total_same_bits.
Print Assumptions guard_of_a_block.
Print Assumptions guard.
Print Assumptions tree_exact.
Print Assumptions any_grouping_same_bits.
