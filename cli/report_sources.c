/* Which sections of the manuals, and which file of KVM's, an op is about. */
#include "cli/report.h"
#include "scenario/check.h"

#define LAPIC "arch/x86/kvm/lapic.c"
#define X86 "arch/x86/kvm/x86.c"
#define MESSAGE                                                             \
	"SDM \"Message Address Register Format\", \"Message Data Register " \
	"Format\""

static const struct op_sources sources[] = {
	[OP_vcpu_create] = { "SDM \"Local APIC State After Power-Up or "
			     "Reset\", "
			     "\"Processor State After Reset\"",
			     X86, REACH_VMM },
	[OP_apicbase_write] = { "SDM \"Local APIC Status and Location\", "
				"\"x2APIC State Transitions\"",
				LAPIC, REACH_VMM },
	[OP_apicbase_restore] = { "SDM \"x2APIC State Transitions\"", LAPIC,
				  REACH_MIGRATION },
	[OP_lapic_write] = { "SDM \"Local APIC Register Address Map\"", LAPIC,
			     REACH_MIGRATION },
	[OP_lapic_read] = { "SDM \"Local APIC Register Address Map\"", LAPIC,
			    REACH_VMM },
	[OP_x2apic_write] = { "SDM \"x2APIC Register Address Space\"", LAPIC,
			      REACH_MIGRATION },
	[OP_x2apic_read] = { "SDM \"x2APIC Register Address Space\"", LAPIC,
			     REACH_VMM },
	[OP_icr_write] = { "SDM \"Interrupt Command Register (ICR)\"", LAPIC,
			   REACH_VMM },
	[OP_self_ipi] = { "SDM \"SELF IPI Register\"", LAPIC, REACH_VMM },
	[OP_msi] = { MESSAGE, LAPIC, REACH_DEVICE },
	[OP_gsi_route] = { MESSAGE, "arch/x86/kvm/irq.c", REACH_DEVICE },
	[OP_irq_line] = { "82093AA \"I/O Redirection Table Registers\"",
			  "arch/x86/kvm/ioapic.c", REACH_DEVICE },
	[OP_ioapic_write] = { "82093AA \"I/O Redirection Table Registers\"",
			      "arch/x86/kvm/ioapic.c", REACH_MIGRATION },
	[OP_ioapic_read] = { "82093AA \"I/O Redirection Table Registers\"",
			     "arch/x86/kvm/ioapic.c", REACH_VMM },
	[OP_x2apic_api_enable] = { "Documentation/virt/kvm/api.rst, "
				   "KVM_CAP_X2APIC_API",
				   LAPIC, REACH_VMM },
	[OP_observe] = { "that of the op that it shows", LAPIC, REACH_VMM },
	[OP_interrupt_take] = { "SDM \"Interrupt Acceptance for Fixed "
				"Interrupts\", \"Task and Processor "
				"Priorities\"",
				LAPIC, REACH_GUEST },
	[OP_msr_write] = { "SDM \"Memory Type Range Registers (MTRRs)\", "
			   "\"Page Attribute Table (PAT)\"",
			   "arch/x86/kvm/mtrr.c", REACH_MIGRATION },
	[OP_msr_read] = { "SDM \"Memory Type Range Registers (MTRRs)\", "
			  "\"Page Attribute Table (PAT)\"",
			  "arch/x86/kvm/mtrr.c", REACH_VMM },
	[OP_control_write] = { "SDM \"Control Registers\", \"Extended Feature "
			       "Enable Register\", \"MOV--Move to/from Control "
			       "Registers\"",
			       X86, REACH_MIGRATION },
	[OP_control_read] = { "SDM \"Control Registers\"", X86, REACH_VMM },
	[OP_cpuid_read] = { "SDM \"CPUID\"", "arch/x86/kvm/cpuid.c",
			    REACH_VMM },
	[OP_mp_state_set] = { "SDM \"MP Initialization Protocol\"; "
			      "Documentation/virt/kvm/api.rst, "
			      "KVM_SET_MP_STATE",
			      X86, REACH_MIGRATION },
	[OP_halt] = { "SDM \"HLT-Halt\"", X86, REACH_GUEST },
	[OP_save_restore] = { "Documentation/virt/kvm/api.rst, of the ioctls "
			      "that get and set",
			      X86, REACH_MIGRATION },
};

struct op_sources report_sources(const struct op *op)
{
	enum op_kind kind = op ? (enum op_kind)op->kind : OP_observe;
	struct op_sources found;

	CHECK(kind < ARRAY_SIZE(sources) && sources[kind].manual);
	found = sources[kind];
	if (op && op_agent(op) == AGENT_GUEST)
		found.reach = REACH_GUEST;
	return found;
}
