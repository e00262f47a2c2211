#include "textflag.h"

// A row of 16 sums is four vectors. R0 sums, R1 segment, R2 segments left, R3 row
// of B, R4 bytes to the next, R5 to R8 elements of A, R10 bytes to the next, R11
// columns left.

#define ROW(x, s0, s1, s2, s3) \
	VFMLA V0.S4, x, s0 \
	VFMLA V1.S4, x, s1 \
	VFMLA V2.S4, x, s2 \
	VFMLA V3.S4, x, s3

// func sum4(sums *float32, s *segment, count int, b *float32, stepB uintptr)
TEXT ·sum4(SB), NOSPLIT, $0-40
	MOVD sums+0(FP), R0
	MOVD s+8(FP), R1
	MOVD count+16(FP), R2
	MOVD b+24(FP), R3
	MOVD stepB+32(FP), R4
	MOVD R0, R12
	VLD1.P 64(R12), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1.P 64(R12), [V20.S4, V21.S4, V22.S4, V23.S4]
	VLD1.P 64(R12), [V24.S4, V25.S4, V26.S4, V27.S4]
	VLD1   (R12), [V28.S4, V29.S4, V30.S4, V31.S4]

segment:
	LDP (R1), (R5, R9)
	LDP 16(R1), (R10, R11)
	ADD R9, R5, R6
	ADD R9, R6, R7
	ADD R9, R7, R8

loop:
	VLD1  (R3), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1R (R5), [V4.S4]
	VLD1R (R6), [V5.S4]
	VLD1R (R7), [V6.S4]
	VLD1R (R8), [V7.S4]
	ADD   R4, R3
	ADD   R10, R5
	ADD   R10, R6
	ADD   R10, R7
	ADD   R10, R8
	ROW(V4.S4, V16.S4, V17.S4, V18.S4, V19.S4)
	ROW(V5.S4, V20.S4, V21.S4, V22.S4, V23.S4)
	ROW(V6.S4, V24.S4, V25.S4, V26.S4, V27.S4)
	ROW(V7.S4, V28.S4, V29.S4, V30.S4, V31.S4)
	SUBS  $1, R11
	BNE   loop
	ADD   $32, R1
	SUBS  $1, R2
	BNE   segment

	VST1.P [V16.S4, V17.S4, V18.S4, V19.S4], 64(R0)
	VST1.P [V20.S4, V21.S4, V22.S4, V23.S4], 64(R0)
	VST1.P [V24.S4, V25.S4, V26.S4, V27.S4], 64(R0)
	VST1   [V28.S4, V29.S4, V30.S4, V31.S4], (R0)
	RET

// func sum1(sums *float32, s *segment, count int, b *float32, stepB uintptr)
TEXT ·sum1(SB), NOSPLIT, $0-40
	MOVD sums+0(FP), R0
	MOVD s+8(FP), R1
	MOVD count+16(FP), R2
	MOVD b+24(FP), R3
	MOVD stepB+32(FP), R4
	VLD1 (R0), [V16.S4, V17.S4, V18.S4, V19.S4]

segment:
	MOVD (R1), R5
	LDP  16(R1), (R10, R11)

loop:
	VLD1  (R3), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1R (R5), [V4.S4]
	ADD   R4, R3
	ADD   R10, R5
	ROW(V4.S4, V16.S4, V17.S4, V18.S4, V19.S4)
	SUBS  $1, R11
	BNE   loop
	ADD   $32, R1
	SUBS  $1, R2
	BNE   segment

	VST1 [V16.S4, V17.S4, V18.S4, V19.S4], (R0)
	RET
