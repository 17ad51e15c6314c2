(* Lookahead: in any commutative ring the block recurrence with the Gram matrix gives the margins
   and weights of SGD one sample at a time, and sums may be regrouped at will. *)

Require Import List Permutation Ring.
Import ListNotations.

Section Lookahead.
Variable R : Type.
Variables (zero one : R) (plus times minus : R -> R -> R) (opp : R -> R).
Hypothesis ring_laws : ring_theory zero one plus times minus opp eq.
Add Ring R : ring_laws.
Infix "+" := plus.
Infix "*" := times.

(* Sums over lists. *)
Fixpoint sum {A} (l : list A) (f : A -> R) : R :=
  match l with [] => zero | a :: rest => f a + sum rest f end.

Lemma sum_ext : forall A (l : list A) f g, (forall a, f a = g a) -> sum l f = sum l g.
Proof. induction l; simpl; intros; auto. rewrite H, (IHl f g); auto. Qed.

Lemma sum_app : forall A (l m : list A) f, sum (l ++ m) f = sum l f + sum m f.
Proof. induction l; simpl; intros; [|rewrite IHl]; ring. Qed.

Lemma sum_plus : forall A (l : list A) f g, sum l (fun a => f a + g a) = sum l f + sum l g.
Proof. induction l; simpl; intros; [|rewrite IHl]; ring. Qed.

Lemma sum_scale : forall A (l : list A) f k, sum l (fun a => k * f a) = k * sum l f.
Proof. induction l; simpl; intros; [|rewrite IHl]; ring. Qed.

Lemma sum_zero : forall A (l : list A), sum l (fun _ => zero) = zero.
Proof. induction l; simpl; [|rewrite IHl]; ring. Qed.

Lemma sum_swap : forall A B (l : list A) (m : list B) f,
  sum l (fun a => sum m (fun b => f a b)) = sum m (fun b => sum l (fun a => f a b)).
Proof.
  induction l; simpl; intros; [rewrite sum_zero; auto|].
  rewrite IHl, <- sum_plus. auto.
Qed.

(* A sample is a place in the order, [x k] its row over the columns. Its rule maps the margin to
   beta, the scalar that scales its row. It may be any function, also of a state of its own that
   goes from sample to sample: learning rates, shrinkage and the intercept are part of it. *)
Variables Column Sample Memory : Type.
Variable columns : list Column.
Variable x : Sample -> Column -> R.
Variable rule : Sample -> Memory -> R -> R * Memory.
Definition Weights := Column -> R.
Definition dot (u v : Weights) := sum columns (fun c => u c * v c).

(* The specification: one sample after another. *)
Definition step (s : Weights * Memory) k : Weights * Memory :=
  let (beta, memory) := rule k (snd s) (dot (x k) (fst s)) in
  ((fun c => fst s c + beta * x k c), memory).
Definition sgd (order : list Sample) (s : Weights * Memory) := fold_left step order s.

(* The block: margins come from the weights at its start and from the Gram matrix. [done] holds
   the samples so far and their betas. *)
Definition gram j k := dot (x j) (x k).
Definition margin (w : Weights) (done : list (Sample * R)) k :=
  dot (x k) w + sum done (fun jb => snd jb * gram (fst jb) k).
Fixpoint recur (w : Weights) done memory (order : list Sample) :=
  match order with
  | [] => (done, memory)
  | k :: rest => let (beta, memory) := rule k memory (margin w done k) in
      recur w (done ++ [(k, beta)]) memory rest
  end.
Definition apply (w : Weights) (done : list (Sample * R)) : Weights :=
  fun c => w c + sum done (fun jb => snd jb * x (fst jb) c).
Definition block (s : Weights * Memory) (order : list Sample) : Weights * Memory :=
  let (done, memory) := recur (fst s) [] (snd s) order in (apply (fst s) done, memory).

(* The margin that the block computes is the one that SGD would see. *)
Theorem margin_exact : forall w done k, margin w done k = dot (x k) (apply w done).
Proof.
  intros. unfold margin, apply, gram, dot.
  rewrite (sum_ext _ columns (fun c => x k c * (w c + _))
    (fun c => x k c * w c + sum done (fun jb => snd jb * (x (fst jb) c * x k c)))).
  - rewrite sum_plus. f_equal. rewrite sum_swap.
    apply sum_ext. intros. rewrite sum_scale. auto.
  - intro c. rewrite (sum_ext _ done (fun jb => snd jb * (x (fst jb) c * x k c))
      (fun jb => x k c * (snd jb * x (fst jb) c))) by (intros; ring).
    rewrite sum_scale. ring.
Qed.

Definition agree (s t : Weights * Memory) := (forall c, fst s c = fst t c) /\ snd s = snd t.

Lemma agree_trans : forall s t u, agree s t -> agree t u -> agree s u.
Proof. intros s t u [H1 H2] [K1 K2]. split; intros; congruence. Qed.

Lemma sgd_agree : forall order s t, agree s t -> agree (sgd order s) (sgd order t).
Proof.
  induction order as [|k rest IH]; simpl; auto. intros [v m] [w n] [W M]. simpl in *. subst n.
  apply IH. unfold step. simpl.
  replace (dot (x k) v) with (dot (x k) w) by (apply sum_ext; intro; rewrite W; auto).
  destruct (rule k m (dot (x k) w)). split; simpl; auto. intro. rewrite W. auto.
Qed.

Lemma recur_is_sgd : forall order w done memory, agree (sgd order (apply w done, memory))
  (let (d, m) := recur w done memory order in (apply w d, m)).
Proof.
  induction order as [|k rest IH]; simpl; intros; [split; auto|].
  unfold step at 1. simpl. rewrite <- margin_exact.
  destruct (rule k memory (margin w done k)) as [beta memory'].
  eapply agree_trans; [apply sgd_agree|apply IH]. split; auto. intro. simpl.
  unfold apply. rewrite sum_app. simpl. ring.
Qed.

(* One block ends as SGD does ... *)
Theorem block_is_sgd : forall order s, agree (sgd order s) (block s order).
Proof.
  intros order [w m]. eapply agree_trans; [apply sgd_agree|apply recur_is_sgd].
  split; auto. intro. unfold apply. simpl. ring.
Qed.

(* ... and so does one block after another, wherever the order is cut. *)
Theorem blocks_are_sgd : forall cuts s, agree (sgd (concat cuts) s) (fold_left block cuts s).
Proof.
  induction cuts as [|order cuts IH]; simpl; intros; [split; auto|].
  unfold sgd in *. rewrite fold_left_app.
  eapply agree_trans; [apply sgd_agree, block_is_sgd|apply IH].
Qed.

(* Regrouping. The order of the terms does not matter, nor does a partition of the columns among
   workers, each of which sums its own. *)
Theorem sum_reordered : forall A (l m : list A) f, Permutation l m -> sum l f = sum m f.
Proof. induction 1; simpl; try ring; congruence. Qed.

Theorem sum_partitioned : forall A (parts : list (list A)) (l : list A) f,
  Permutation (concat parts) l -> sum l f = sum parts (fun part => sum part f).
Proof.
  intros A parts l f P. rewrite <- (sum_reordered _ _ _ f P). clear P.
  induction parts; simpl; auto. rewrite sum_app, IHparts. auto.
Qed.

Corollary columns_partitioned : forall parts, Permutation (concat parts) columns ->
  forall u v, dot u v = sum parts (fun part => sum part (fun c => u c * v c)).
Proof. intros. apply sum_partitioned. auto. Qed.
End Lookahead.

Print Assumptions margin_exact.
Print Assumptions block_is_sgd.
Print Assumptions blocks_are_sgd.
Print Assumptions sum_reordered.
Print Assumptions sum_partitioned.
Print Assumptions columns_partitioned.
