/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"

G_BEGIN_DECLS

/* RISC-V Supervisor Binary Interface Specification, version 2.0. */
#define SBI_SPEC_VERSION (2 << 24)

/* Chapter 3: error codes. */
typedef enum
{
  SBI_SUCCESS = 0,
  SBI_ERR_FAILED = -1,
  SBI_ERR_NOT_SUPPORTED = -2,
  SBI_ERR_INVALID_PARAM = -3,
  SBI_ERR_DENIED = -4,
  SBI_ERR_INVALID_ADDRESS = -5,
  SBI_ERR_ALREADY_AVAILABLE = -6,
} SbiError;

#define SBI_EXT_BASE 0x10
#define SBI_EXT_TIME 0x54494d45
#define SBI_EXT_IPI 0x735049
#define SBI_EXT_RFENCE 0x52464e43
#define SBI_EXT_HSM 0x48534d
#define SBI_EXT_SRST 0x53525354
#define SBI_EXT_DBCN 0x4442434e

/**
 * SbiCall:
 * @fid: a6
 * @arg: a0 to a5
 * @value: what a1 gets
 * @no_return: registers are as they shall be: the call does not return to its caller
 *
 * One call, on its hart's thread.
 */
typedef struct
{
  guint64 fid;
  guint64 arg[6];
  guint64 value;
  gboolean no_return;
} SbiCall;

/* What we know of a hart. */
typedef struct
{
  VmtCpu *cpu;
  guint64 id;  /* mhartid */
  VmtIrq soft; /* its supervisor software interrupt: an edge sets SSIP */
  gboolean has_sstc;
  VmtTimer *timer; /* without Sstc */
  int suspended;   /* atomic: in hart_suspend */
} SbiHart;

#define VMT_TYPE_FIRMWARE_SBI (vmt_firmware_sbi_get_type ())
G_DECLARE_FINAL_TYPE (VmtFirmwareSbi, vmt_firmware_sbi, VMT, FIRMWARE_SBI, VmtFirmware)

struct _VmtFirmwareSbi
{
  VmtFirmware parent_instance;
  VmtMachine *machine; /* which owns us */
  SbiHart *harts;
  guint n_harts;
  VmtObject *console; /* (nullable) */
  VmtChar *stream;    /* (nullable): of @console */
  /* The kernel is a bare-metal program that stands in our place: it gets no calls. */
  gboolean bare;
};

static inline guint64
sbi_get (VmtCpu *cpu, const char *name)
{
  guint64 value = 0;

  vmt_cpu_get_register (cpu, name, &value);
  return value;
}

/* NULL: there is no such hart. */
SbiHart *sbi_find_hart (VmtFirmwareSbi *self, guint64 id);

/* vmt-sbi-hart.c */
gboolean sbi_hart_prepare (VmtFirmwareSbi *self, SbiHart *hart, VmtCpu *cpu, GError **error);
void sbi_hart_clear (SbiHart *hart);
/* Starts it in S-mode at @entry, as chapter 9.1 says. FALSE: it is not stopped. */
gboolean sbi_hart_start (SbiHart *hart, guint64 entry, guint64 opaque);
SbiError sbi_call_hsm (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call);
SbiError sbi_call_time (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call);

/* vmt-sbi-remote.c */
SbiError sbi_call_ipi (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call);
SbiError sbi_call_rfence (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call);

/* vmt-sbi-console.c */
void sbi_console_prepare (VmtFirmwareSbi *self);
SbiError sbi_call_dbcn (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call);

G_END_DECLS
