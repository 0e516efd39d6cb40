/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * main.c - the entry of weir-agent; everything is in agent.c.
 */
#include "agent/agent.h"

int main(int argc, char **argv)
{
	return agent_run(argc, argv);
}
