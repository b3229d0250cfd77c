/* SPDX-License-Identifier: Apache-2.0
 * A program's start and the four system calls of uefi_verity.c, on x86-64.
 */
	.globl	_start
_start:
	mov	%rsp, %rdi
	and	$-16, %rsp
	call	start

	.macro	system_call name, number
	.globl	\name
\name:
	mov	$\number, %eax
	mov	%rcx, %r10
	syscall
	ret
	.endm

	system_call	sys_openat, 257
	system_call	sys_ioctl, 16
	system_call	sys_write, 1
	system_call	sys_exit, 60
	.section	.note.GNU-stack, "", @progbits
