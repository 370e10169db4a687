from dataclasses import dataclass

from springline import Step, build_step


@dataclass
class Config:
    name: str
    """Who is greeted."""


@build_step
def {{module}}(config: Config, step: Step) -> str:
    """Greets somebody."""
    step.write("hello.txt", f"Hello, {config.name}\n")
    return "1 file"
