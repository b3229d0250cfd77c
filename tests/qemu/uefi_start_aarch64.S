/* SPDX-License-Identifier: Apache-2.0
 * A program's start and the four system calls of uefi_verity.c, on AArch64.
 */
	.globl	_start
_start:
	mov	x0, sp
	bl	start

	.macro	system_call name, number
	.globl	\name
\name:
	mov	x8, #\number
	svc	#0
	ret
	.endm

	system_call	sys_openat, 56
	system_call	sys_ioctl, 29
	system_call	sys_write, 64
	system_call	sys_exit, 93
	.section	.note.GNU-stack, "", @progbits
