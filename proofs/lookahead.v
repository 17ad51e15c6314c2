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

(* Samples are rows [x k] over columns; the rule of sample [k] maps its margin to the scalar that
   scales its row, beta. It may be any function. A sample here is a place in the order, so the rule may differ from place
   to place: learning rates and shrinkage are part of it. *)
Variables Column Sample : Type.
Variable columns : list Column.
Variable x : Sample -> Column -> R.
Variable rule : Sample -> R -> R.
Definition Weights := Column -> R.
Definition dot (u v : Weights) := sum columns (fun c => u c * v c).

(* The specification: one sample after another. *)
Definition step (w : Weights) k : Weights := fun c => w c + rule k (dot (x k) w) * x k c.
Definition sgd (order : list Sample) (w : Weights) : Weights := fold_left step order w.

(* The block: margins come from the weights at its start and from the Gram matrix. *)
Definition gram j k := dot (x j) (x k).
Definition margin (w : Weights) (done : list (Sample * R)) k :=
  dot (x k) w + sum done (fun jb => snd jb * gram (fst jb) k).
Fixpoint block (w : Weights) (done : list (Sample * R)) (order : list Sample) :=
  match order with
  | [] => done
  | k :: rest => block w (done ++ [(k, rule k (margin w done k))]) rest
  end.
Definition apply (w : Weights) (done : list (Sample * R)) : Weights :=
  fun c => w c + sum done (fun jb => snd jb * x (fst jb) c).

Lemma dot_ext : forall u v w, (forall c, v c = w c) -> dot u v = dot u w.
Proof. intros. apply sum_ext. intro. rewrite H. auto. Qed.

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

Lemma sgd_ext : forall order v w, (forall c, v c = w c) ->
  forall c, sgd order v c = sgd order w c.
Proof.
  induction order; simpl; auto. intros. apply IHorder. intro d.
  unfold step. rewrite (dot_ext _ v w), H; auto.
Qed.

Lemma block_from : forall order w done c,
  sgd order (apply w done) c = apply w (block w done order) c.
Proof.
  induction order as [|k rest IH]; simpl; intros; auto.
  rewrite <- IH. apply sgd_ext. intro d. unfold step. rewrite <- margin_exact.
  unfold apply. rewrite sum_app. simpl. ring.
Qed.

(* One block ends with the weights of SGD ... *)
Theorem block_is_sgd : forall order w c, sgd order w c = apply w (block w [] order) c.
Proof.
  intros. rewrite <- block_from. apply sgd_ext. intro. unfold apply. simpl. ring.
Qed.

(* ... and so does one block after another, wherever the order is cut. *)
Theorem blocks_are_sgd : forall cuts w c, sgd (concat cuts) w c =
  fold_left (fun v order => apply v (block v [] order)) cuts w c.
Proof.
  induction cuts as [|order cuts IH]; simpl; intros; auto.
  unfold sgd in *. rewrite fold_left_app, <- IH. apply sgd_ext. intro. apply block_is_sgd.
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
