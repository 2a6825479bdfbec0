"""Who acts: populations of users, and the policies that play any seat."""

POLICIES = {
    "random": "populace.agents.scripted.common:Random",
    "forfeit": "populace.agents.scripted.common:Forfeit",
    "mix": "populace.agents.scripted.mix:Mix",
    "pocket": "populace.agents.llm.policies:Pocket",
    "llm/random": "populace.agents.llm.policies:RandomTalker",
    "llm/echo": "populace.agents.llm.policies:Echo",
    "llm/scripted": "populace.agents.llm.policies:Scripted",
    "llm/stubborn": "populace.agents.llm.policies:Stubborn",
    "llm/malformed": "populace.agents.llm.policies:Malformed",
    "llm/transformers": "populace.agents.llm.policies:Transformers",
    "llm/vllm": "populace.agents.llm.policies:VLLMSeats",
    "llm/openai": "populace.agents.llm.policies:OpenAI",
    "llm/replay": "populace.agents.llm.policies:Replay",
    "pocket-learner": "populace.agents.llm.learning.learner:PocketLearner",
    "llm/learner": "populace.agents.llm.learning.learner:TransformersLearner",
    "learning/policy-gradient": "populace.agents.learning:PolicyGradient",
    "learning/replicator": "populace.agents.learning:Replicator",
    "learning/sft": "populace.agents.learning:SupervisedFineTuning",
    "learning/expert-iteration": "populace.agents.learning:ExpertIteration",
    "learning/contrast": "populace.agents.learning:Contrast",
    "learning/kto": "populace.agents.learning:KTO",
    "learning/ratio": "populace.agents.learning:Ratio",
}
"""Name -> `module:class` of the policies that play any world.

Those written for one world stand in its manifest; plug-ins announce theirs there, or by the entry point group
`populace.policies`.
"""
