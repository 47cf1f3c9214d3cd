"""Exact counts and one order: position ⇄ (source, item, exposure)."""

from pipeline.plan.plan import Plan, compile_plan

__all__ = ["Plan", "compile_plan"]
