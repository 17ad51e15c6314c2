(* From the ring to floating point: sums and products of float64 numbers m * 2^e are exact while
   the integer of the result stays below 2^53. The real numbers of Coq's library bring its axioms.
*)

Require Import ZArith Reals Lia Bool.
From Flocq Require Import Core BinarySingleNaN.

Definition prec := 53%Z.
Definition emax := 1024%Z.
Lemma prec_positive : FLX.Prec_gt_0 prec. Proof. reflexivity. Qed.
Lemma prec_small : Prec_lt_emax prec emax. Proof. reflexivity. Qed.
Definition float64 := binary_float prec emax.
Definition add : float64 -> float64 -> float64 :=
  @Bplus prec emax prec_positive prec_small mode_NE.
Definition mul : float64 -> float64 -> float64 :=
  @Bmult prec emax prec_positive prec_small mode_NE.

(* [value e m] is m * 2^e; [is e f m]: f is finite and has this value. *)
Definition value (e m : Z) : R := F2R (Float radix2 m e).
Definition is e (f : float64) m := is_finite f = true /\ B2R f = value e m.
Definition room e := (-1074 <= e <= 970)%Z.

Lemma representable : forall e m, room e -> (Z.abs m <= 2 ^ 53)%Z ->
  generic_format radix2 (SpecFloat.fexp prec emax) (value e m).
Proof.
  intros e m [L H] M. destruct (Z_lt_le_dec (Z.abs m) (2 ^ 53)) as [N|N].
  - apply generic_format_FLT. exists (Float radix2 m e); auto.
  - assert (exists k, m = k * 2 /\ Z.abs k < 2 ^ 53)%Z as (k & -> & K).
    { assert (m = 2 ^ 53 \/ m = - 2 ^ 53)%Z as [-> | ->] by lia;
        [exists (2 ^ 52)%Z|exists (- 2 ^ 52)%Z]; split; reflexivity. }
    apply generic_format_FLT. exists (Float radix2 k (e + 1)); simpl; auto; [|change (-1074 <= e + 1)%Z; lia].
    unfold value, F2R. cbn [Fnum Fexp]. rewrite bpow_plus, mult_IZR.
    change (bpow radix2 1) with 2%R. ring.
Qed.

Lemma small : forall e m, room e -> (Z.abs m <= 2 ^ 53)%Z ->
  (Rabs (value e m) < bpow radix2 emax)%R.
Proof.
  intros e m [L H] M. unfold value. rewrite <- F2R_Zabs.
  apply Rle_lt_trans with (F2R (Float radix2 (2 ^ 53) e)).
  - apply F2R_le. exact M.
  - change (F2R (Float radix2 (2 ^ 53) e)) with (bpow radix2 53 * bpow radix2 e)%R.
    rewrite <- bpow_plus. apply bpow_lt. unfold emax. lia.
Qed.

Lemma add_value : forall e m n, (value e m + value e n)%R = value e (m + n).
Proof. intros. unfold value, F2R. simpl. rewrite plus_IZR. ring. Qed.

Lemma mul_value : forall e d m n, (value e m * value d n)%R = value (e + d) (m * n).
Proof. intros. unfold value, F2R. simpl. rewrite mult_IZR, bpow_plus. ring. Qed.

(* Inside the bound an addition, and a multiplication, is exact. *)
Theorem add_exact : forall e f g m n, room e -> is e f m -> is e g n ->
  (Z.abs (m + n) <= 2 ^ 53)%Z -> is e (add f g) (m + n).
Proof.
  intros e f g m n E [Ff F] [Fg G] M.
  pose proof (Bplus_correct prec emax prec_positive prec_small mode_NE f g Ff Fg) as C.
  rewrite F, G, add_value in C.
  rewrite round_generic in C; [|apply valid_rnd_round_mode|apply representable; auto].
  rewrite Rlt_bool_true in C by (apply small; auto).
  destruct C as (V & Fin & _). split; auto.
Qed.

(* A sum that is zero is -0 only if both terms are. *)
Lemma add_sign : forall e f g m n, is e f m -> is e g n -> (m + n = 0)%Z ->
  Bsign (add f g) = Bsign f && Bsign g.
Proof.
  intros e f g m n [Ff F] [Fg G] M.
  pose proof (Bplus_correct prec emax prec_positive prec_small mode_NE f g Ff Fg) as C.
  rewrite F, G, add_value, M in C. unfold value in C. rewrite F2R_0 in C.
  rewrite round_0, Rabs_R0 in C by apply valid_rnd_round_mode.
  rewrite Rlt_bool_true, Rcompare_Eq in C by (reflexivity || apply bpow_gt_0).
  apply C.
Qed.

Theorem mul_exact : forall e d f g m n, room (e + d) -> is e f m -> is d g n ->
  (Z.abs (m * n) <= 2 ^ 53)%Z -> is (e + d) (mul f g) (m * n).
Proof.
  intros e d f g m n E [Ff F] [Fg G] M.
  pose proof (Bmult_correct prec emax prec_positive prec_small mode_NE f g) as C.
  rewrite F, G, mul_value in C.
  rewrite round_generic in C; [|apply valid_rnd_round_mode|apply representable; auto].
  rewrite Rlt_bool_true in C by (apply small; auto).
  destruct C as (V & Fin & _). split; auto. unfold mul. rewrite Fin, Ff, Fg. auto.
Qed.

Print Assumptions add_exact.
Print Assumptions mul_exact.
