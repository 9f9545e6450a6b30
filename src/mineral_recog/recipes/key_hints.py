"""Hints for wrong keys of a recipe: the keys that are valid there and do what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from mineral_recog.i18n import tr
from mineral_recog.recipes.loss_settings import Losses
from mineral_recog.recipes.part_settings import Lora
from mineral_recog.recipes.recipe import Adjustment, Outliers, Recipe
from mineral_recog.recipes.stage import Stage
from mineral_recog.recipes.view_settings import Augmentation

SCALING_KEYS = ("epochs", "lr_scale")  # keys that rescale others
ANY_STAGE = "STAGE"  # in hints for a recipe without stages, which may have any names
MISSPELT, SIMILAR = 0.8, 0.6  # ratios of difflib
MAX_PATHS = 3  # in a hint

# Keys of other programs; the places of the keys here that do the same; and a sentence about them.
_OTHER_WORDS = (
    ("learning_rate base_lr initial_lr init_lr lr0 max_lr", "stages.*.lr", "", ""),
    ("model arch architecture encoder net network model_name", "backbone", "", ""),
    ("weights", "pretrained stages.*.weights stages.*.losses.cross_entropy.effective_number",
     "", ""),
    ("checkpoint ckpt init initial_weights pretrained_weights", "pretrained", "", ""),
    ("class_weights class_weight balanced class_balanced weighted pos_weight",
     "stages.*.losses.cross_entropy.effective_number stages.*.sampler",
     "The first weights classes in the loss, as in the recipe class_balanced_loss; the sampler "
     "class_balanced draws all classes equally often.",
     "前者在损失里为类别加权，见配方 class_balanced_loss；采样器 class_balanced 等概率抽取各类。"),
    ("oversampling resampling weighted_sampler", "stages.*.sampler", "", ""),
    ("optimizer optim opt solver adam adamw sgd nesterov", "optimiser", "It is sgd or adamw.",
     "取值为 sgd 或 adamw。"),
    ("betas beta1 adam_beta1", "momentum", "With adamw it is the first beta.",
     "用 adamw 时它是第一个 beta。"),
    ("backbone_lr backbone_lr_mult lr_mult lr_backbone backbone_lr_scale", "backbone_lr_factor",
     "", ""),
    ("layer_wise_lr_decay llrd lr_decay layerwise_decay", "layer_decay", "", ""),
    ("clip_grad grad_clip gradient_clip_val max_grad_norm clip_grad_norm gradient_clipping",
     "clip_norm", "", ""),
    ("grad_accum gradient_accumulation gradient_accumulation_steps accumulate_grad_batches "
     "accum_iter grad_accum_steps accumulation_steps", "accumulate",
     "batch_size stays that of all parts together.", "batch_size 仍是各份合计的照片数。"),
    ("wd l2", "weight_decay", "", ""),
    ("num_epochs n_epochs max_epochs epoch num_train_epochs", "epochs", "", ""),
    ("batch bs train_batch_size per_device_train_batch_size", "batch_size", "", ""),
    ("imgsz img_size image_sz input_size resolution size crop_size", "image_size", "", ""),
    ("scheduler lr_scheduler lr_schedule sched", "stages.*.schedule", "", ""),
    ("warmup_epochs warmup_steps warmup_ratio", "stages.*.warmup",
     "It is a share of the schedule.", "它是占整个学习率计划的比例。"),
    ("loss criterion loss_fn", "stages.*.losses", "", ""),
    ("label_smoothing smoothing", "stages.*.losses.label_aware_smoothing", "", ""),
    ("scale crop_scale random_resized_crop", "crop.scale", "", ""),
    ("augment augmentations transforms aug auto_augment",
     "crop.scale augmentation.trivial_augment augmentation.colour", "", ""),
    ("color jitter color_jitter brightness contrast saturation", "augmentation.colour", "", ""),
    ("rotate rotation rotations degrees rot90", "augmentation.quarter_turns", "", ""),
    ("reprob random_erasing erase cutout", "augmentation.erasing", "", ""),
    ("amp fp16 bf16 half mixed_precision dtype", "precision", "", ""),
    ("freeze frozen freeze_layers freeze_backbone peft adapter", "stages.*.train", "", ""),
    ("r lora_rank lora_r", "stages.*.lora.rank", "", ""),
    ("lora_alpha", "stages.*.lora.alpha", "", ""),
    ("early_stopping early_stop early_stopping_patience", "stages.*.patience", "", ""),
    ("save_best", "stages.*.weights",
     "The value best keeps the weights that are best on val.",
     "取值 best 保留在 val 上最好的权重。"),
    ("ema ema_decay model_ema swa weight_average", "weight_average_epochs", "", ""),
    ("outlier_exposure oe oe_weight oe_lambda", "outliers", "", ""),
    ("random_seed random_state manual_seed", "seed", "", ""),
    ("tta", "test_views", "", ""),
    ("crop_pct crop_percent", "center_share", "", ""),
    ("interp resample resampling_filter", "interpolation", "", ""),
    ("mean std normalize normalization", "normalisation", "", ""),
    ("mixup_alpha", "stages.*.mixup", "", ""),
    ("cutmix_alpha", "stages.*.cutmix", "", ""),
    ("alpha", "stages.*.mixup stages.*.cutmix", "", ""),
    ("num_classes nc classes n_classes names", "",
     "the class folders of DATA give the classes", "类别由 DATA 里的类别文件夹决定"),
    ("data dataset data_dir data_path root", "",
     "DATA is an argument of the command", "DATA 是命令的参数"),
    ("output out output_dir save_dir project run_name", "", "use --out", "请用 --out"),
    ("workers num_workers", "", "use --workers", "请用 --workers"),
    ("device gpu gpus accelerator", "", "use --device", "请用 --device"),
    ("resume", "", "use --resume", "请用 --resume"),
    ("recipe base", "", "use --recipe, or `base` in a recipe file",
     "请用 --recipe，或写在配方文件的 `base` 里"),
)  # fmt: skip


def hint_for(path: Sequence[str], stages: Mapping[str, Any]) -> str:
    """Return a hint in brackets about a wrong key of a recipe; "" if there is none.

    Args:
        path: The path of the key, such as `stages`, `fea`, `learning_rate`.
        stages: The stages of the recipe, as they are written.
    """
    places, remark = _find_places(path)
    in_stage = len(path) > 2 and path[0] == "stages"
    names = [path[1]] if in_stage else [str(name) for name in stages] or [ANY_STAGE]
    paths_by_place = [_fill_in(place, names, stages) for place in places]
    paths = [path for row in zip_longest(*paths_by_place) for path in row if path][:MAX_PATHS]
    if not paths:
        return tr(f" ({remark})", f"（{remark}）") if remark else ""
    *first, last = paths
    english = f"{', '.join(first)} or {last}" if first else last
    chinese = f"{'、'.join(first)} 或 {last}" if first else last
    after = f" {remark}" if remark else ""
    return tr(f" (did you mean {english}?{after})", f"（是否指 {chinese}？{remark}）")


def _find_places(path: Sequence[str]) -> tuple[Sequence[str], str]:
    """Return the places of the keys that a wrong key may mean, with a sentence about them.

    A place is a path with `*` for the stage. Misspelt keys of the same part of the recipe come
    first, then keys of other programs, then keys of other parts.
    """
    word = _letters(path[-1])
    parents = ["*" if path[0] == "stages" and i == 1 else part for i, part in enumerate(path[:-1])]
    here: dict[str, list[str]] = {}
    anywhere: dict[str, list[str]] = {}
    for place in _all_places():
        *its_parents, key = place.split(".")
        anywhere.setdefault(_letters(key), []).append(place)
        if its_parents == parents:
            here[_letters(key)] = [place]
    if close := difflib.get_close_matches(word, here, 1, MISSPELT):
        return here[close[0]], ""
    for words, places, english, chinese in _OTHER_WORDS:
        if word in map(_letters, words.split()):
            return places.split(), tr(english, chinese)
    for known, ratio in ((anywhere, MISSPELT), (here, SIMILAR)):
        if close := difflib.get_close_matches(word, known, 1, ratio):
            depth = min(place.count(".") for place in known[close[0]])
            return [place for place in known[close[0]] if place.count(".") == depth], ""
    keys = ", ".join(place.split(".")[-1] for places in here.values() for place in places)
    return (), tr(f"its keys are {keys}", f"可用的键：{keys}") if keys else ""


def _all_places() -> Iterable[str]:
    """Return the places of all keys of a recipe."""
    kinds = Losses.kinds().items()
    return (
        *(name for name in Recipe.model_fields),
        *SCALING_KEYS,
        *(f"after.{name}" for name in Adjustment.model_fields),
        *(f"outliers.{name}" for name in Outliers.model_fields),
        *(f"augmentation.{name}" for name in Augmentation.model_fields),
        *(f"stages.*.{name}" for name in Stage.model_fields),
        *(f"stages.*.lora.{name}" for name in Lora.model_fields),
        *(f"stages.*.losses.{loss}" for loss, _ in kinds),
        *(f"stages.*.losses.{loss}.{name}" for loss, kind in kinds for name in kind.model_fields),
    )


def _fill_in(place: str, names: Sequence[str], stages: Mapping[str, Any]) -> list[str]:
    """Return the paths of a place in these stages; of a loss, in those that have it, if any do."""
    if "*" not in place:
        return [place]
    parts = place.split(".")
    if "losses" in parts[:-1]:
        names = [name for name in names if _has_loss(stages.get(name), parts[3])] or names
    return [place.replace("*", name) for name in names]


def _has_loss(stage: Any, loss: str) -> bool:
    losses = stage.get("losses") if isinstance(stage, dict) else None
    return isinstance(losses, dict) and losses.get(loss) is not None


def _letters(word: str) -> str:
    """Return the letters and digits of a key in lower case."""
    return "".join(filter(str.isalnum, word.lower()))
