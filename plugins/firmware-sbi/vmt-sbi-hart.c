/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-firmware-sbi.h"

#define BIT(n) (G_GUINT64_CONSTANT (1) << (n))
#define MIP_SSIP BIT (1)
#define MIP_STIP BIT (5)
#define MIP_SEIP BIT (9)
#define MIP_LCOFIP BIT (13)

#define MSTATUS_FS (BIT (13) * 3)
#define MSTATUS_VS (BIT (9) * 3)
#define MSTATUS_SIE BIT (1)
#define MSTATUS_KEPT (BIT (32) * 3 | BIT (34) * 3) /* UXL, SXL */

/* Everything but calls from S-mode, which are for us, and what M-mode itself does. */
#define DELEGATED_EXCEPTIONS (G_GUINT64_CONSTANT (0xb1ff) | BIT (18) | BIT (19))
#define DELEGATED_INTERRUPTS (MIP_SSIP | MIP_STIP | MIP_SEIP | MIP_LCOFIP)

/* menvcfg: what a hart does not have it does not let us set. Hardware updates of A and D (ADUE) are
 * for a kernel that sees Svadu without Svade; the hart's reset value says which it is. */
#define ENVCFG_CBIE_INVALIDATE (BIT (4) | BIT (5))
#define ENVCFG_CBCFE BIT (6)
#define ENVCFG_CBZE BIT (7)
#define ENVCFG_ADUE BIT (61)
#define ENVCFG_PBMTE BIT (62)
#define ENVCFG_STCE BIT (63)

/* pmpcfg: NAPOT, readable, writable, executable. */
#define PMP_ALL 0x1f

/* Chapter 9: hart states. */
#define HART_STARTED 0
#define HART_STOPPED 1
#define HART_START_PENDING 2
#define HART_SUSPENDED 4
#define SUSPEND_RETENTIVE 0
#define SUSPEND_NON_RETENTIVE 0x80000000

#define NS_PER_S G_GUINT64_CONSTANT (1000000000)

static void
set (VmtCpu *cpu, const char *name, guint64 value)
{
  vmt_cpu_set_register (cpu, name, value);
}

/* What M-mode firmware leaves behind when it enters S-mode for the first time. Registers that the
 * hart does not have are left out. */
static void
enter_supervisor (VmtCpu *cpu, gpointer data)
{
  SbiHart *hart = data;
  guint64 environment = sbi_get (cpu, "menvcfg") | ENVCFG_CBIE_INVALIDATE | ENVCFG_CBCFE |
                        ENVCFG_CBZE | ENVCFG_PBMTE | ENVCFG_STCE;

  set (cpu, "medeleg", DELEGATED_EXCEPTIONS);
  set (cpu, "mideleg", DELEGATED_INTERRUPTS);
  set (cpu, "mcounteren", G_MAXUINT32);
  set (cpu, "mcountinhibit", 0);
  set (cpu, "menvcfg", environment);
  set (cpu, "mstateen0", G_MAXUINT64);
  set (cpu, "pmpaddr0", G_MAXUINT64 >> 10);
  set (cpu, "pmpcfg0", PMP_ALL);
  set (cpu, "mie", 0);
  set (cpu, "mip", 0);
  set (cpu, "stimecmp", G_MAXUINT64);
  set (cpu, "scounteren", 7);
  set (cpu, "stvec", 0);
  set (cpu, "sscratch", 0);
  set (cpu, "satp", 0);
  set (cpu, "mstatus",
       (sbi_get (cpu, "mstatus") & MSTATUS_KEPT) | (guint64)MSTATUS_FS | (guint64)MSTATUS_VS);
  set (cpu, "priv", 1);
  hart->has_sstc = (sbi_get (cpu, "menvcfg") & ENVCFG_STCE) != 0;
}

gboolean
sbi_hart_start (SbiHart *hart, guint64 entry, guint64 opaque)
{
  const guint64 arguments[] = { hart->id, opaque };

  return vmt_boot_start_cpu (hart->cpu, entry, arguments, 2, enter_supervisor, hart);
}

static void
raise_timer (VmtCpu *cpu, gpointer data)
{
  set (cpu, "mip", sbi_get (cpu, "mip") | MIP_STIP);
}

/* Machine's context; only for harts without Sstc. */
static void
timer_expired (gpointer data)
{
  SbiHart *hart = data;

  vmt_cpu_run_on (hart->cpu, raise_timer, NULL, FALSE);
}

gboolean
sbi_hart_prepare (VmtFirmwareSbi *self, SbiHart *hart, VmtCpu *cpu, GError **error)
{
  guint64 id;

  if (!vmt_cpu_get_register (cpu, "mhartid", &id) || !vmt_cpu_get_register (cpu, "priv", &id) ||
      !VMT_IS_IRQ_CONTROLLER (cpu))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "firmware \"sbi\" is for RISC-V harts, but the processor is %s: choose another "
                   "firmware",
                   VMT_CPU_GET_CLASS (cpu)->arch_name);
      return FALSE;
    }
  hart->cpu = cpu;
  hart->id = sbi_get (cpu, "mhartid");
  hart->timer = vmt_timer_new (vmt_machine_get_clock (self->machine), timer_expired, hart);
  return vmt_irq_controller_get_input (VMT_IRQ_CONTROLLER (cpu), "s-soft", &hart->soft, error);
}

void
sbi_hart_clear (SbiHart *hart)
{
  g_clear_pointer (&hart->timer, vmt_timer_free);
}

/* Hertz: the board's clock, of which every hart has a copy. */
static guint64
get_timebase (VmtCpu *cpu)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (cpu), "timebase-frequency");
  g_auto (GValue) value = G_VALUE_INIT, wide = G_VALUE_INIT;

  if (pspec == NULL || !g_value_type_transformable (pspec->value_type, G_TYPE_UINT64))
    return 10000000;
  g_value_init (&value, pspec->value_type);
  g_value_init (&wide, G_TYPE_UINT64);
  g_object_get_property (G_OBJECT (cpu), pspec->name, &value);
  g_value_transform (&value, &wide);
  return MAX (g_value_get_uint64 (&wide), 1);
}

SbiError
sbi_call_time (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call)
{
  guint64 frequency, ns;

  if (call->fid != 0)
    return SBI_ERR_NOT_SUPPORTED;
  if (hart->has_sstc)
    {
      /* The comparison itself clears STIP, as the specification wants. */
      set (hart->cpu, "stimecmp", call->arg[0]);
      return SBI_SUCCESS;
    }
  set (hart->cpu, "mip", sbi_get (hart->cpu, "mip") & ~MIP_STIP);
  frequency = get_timebase (hart->cpu);
  if (call->arg[0] / frequency >= G_MAXUINT64 / NS_PER_S)
    ns = G_MAXUINT64; /* never, as "-1" says */
  else
    ns = call->arg[0] / frequency * NS_PER_S +
         (call->arg[0] % frequency * NS_PER_S + frequency - 1) / frequency;
  vmt_timer_set (hart->timer, ns);
  return SBI_SUCCESS;
}

/* Can code be there? */
static gboolean
is_code_address (VmtFirmwareSbi *self, guint64 address)
{
  VmtMemoryRegion region;

  return vmt_address_space_find (vmt_machine_get_address_space (self->machine), address, &region) &&
         region.ram != NULL && (address & 1) == 0;
}

static SbiError
start (VmtFirmwareSbi *self, SbiCall *call)
{
  SbiHart *target = sbi_find_hart (self, call->arg[0]);

  if (target == NULL)
    return SBI_ERR_INVALID_PARAM;
  if (!is_code_address (self, call->arg[1]))
    return SBI_ERR_INVALID_ADDRESS;
  return sbi_hart_start (target, call->arg[1], call->arg[2]) ? SBI_SUCCESS
                                                             : SBI_ERR_ALREADY_AVAILABLE;
}

static SbiError
get_status (VmtFirmwareSbi *self, SbiCall *call)
{
  SbiHart *target = sbi_find_hart (self, call->arg[0]);

  if (target == NULL)
    return SBI_ERR_INVALID_PARAM;
  switch (vmt_cpu_get_power (target->cpu))
    {
    case VMT_CPU_STOPPED:
      call->value = HART_STOPPED;
      break;
    case VMT_CPU_START_PENDING:
      call->value = HART_START_PENDING;
      break;
    case VMT_CPU_STARTED:
      call->value = __atomic_load_n (&target->suspended, __ATOMIC_RELAXED) != 0 &&
                            vmt_cpu_is_waiting (target->cpu)
                        ? HART_SUSPENDED
                        : HART_STARTED;
      break;
    }
  return SBI_SUCCESS;
}

static SbiError
suspend (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call)
{
  guint32 type = call->arg[0];

  if (type != SUSPEND_RETENTIVE && type != SUSPEND_NON_RETENTIVE)
    /* Platform's own from 0x10000000 and 0x90000000 on: we have none. */
    return (type & ~SUSPEND_NON_RETENTIVE) >= 0x10000000 ? SBI_ERR_NOT_SUPPORTED
                                                         : SBI_ERR_INVALID_PARAM;
  if (type == SUSPEND_NON_RETENTIVE)
    {
      if (!is_code_address (self, call->arg[1]))
        return SBI_ERR_INVALID_ADDRESS;
      set (hart->cpu, "mstatus", sbi_get (hart->cpu, "mstatus") & ~MSTATUS_SIE);
      set (hart->cpu, "satp", 0);
      set (hart->cpu, "pc", call->arg[1]);
      set (hart->cpu, "x10", hart->id);
      set (hart->cpu, "x11", call->arg[2]);
      call->no_return = TRUE;
    }
  __atomic_store_n (&hart->suspended, 1, __ATOMIC_RELAXED);
  vmt_cpu_wait (hart->cpu);
  return SBI_SUCCESS;
}

SbiError
sbi_call_hsm (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call)
{
  switch (call->fid)
    {
    case 0:
      return start (self, call);
    case 1:
      vmt_cpu_stop (hart->cpu);
      call->no_return = TRUE;
      return SBI_SUCCESS;
    case 2:
      return get_status (self, call);
    case 3:
      return suspend (self, hart, call);
    default:
      return SBI_ERR_NOT_SUPPORTED;
    }
}
