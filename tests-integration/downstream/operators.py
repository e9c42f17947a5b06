"""Operators of `mmcv._ext` in plain torch, as far as RetinaNet, Faster R-CNN, RTMDet and YOLOX need them.

The names, arguments and results are those by which mmcv 2.1.0 calls its compiled library. The same code runs under both
engines, so that it decides no comparison.
"""

import torch
from torch import Tensor


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Return the indices of the boxes (N, 4) which greedy suppression keeps, best score first."""
    order = scores.sort(descending=True, stable=True).indices
    kept = []
    while order.numel():
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[overlaps(boxes[best], boxes[order], offset) <= iou_threshold]
    return torch.stack(kept) if kept else scores.new_zeros(0, dtype=torch.long)


def overlaps(box: Tensor, boxes: Tensor, offset: int) -> Tensor:
    """Return intersection over union of a box (4,) with boxes (N, 4); a side is `x2 - x1 + offset` long."""
    low = torch.maximum(box[:2], boxes[:, :2])
    high = torch.minimum(box[2:], boxes[:, 2:])
    common = (high - low + offset).clamp(min=0).prod(-1)
    return common / (area(box, offset) + area(boxes, offset) - common)


def area(boxes: Tensor, offset: int) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2] + offset).prod(-1)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Write the boxes with lowered scores into `dets` (N, 5) and return the indices of those that stay."""
    scores, left, kept = scores.clone(), torch.arange(len(scores)), []
    while left.numel():
        best = left[scores[left].argmax()]
        dets[len(kept)] = torch.cat([boxes[best], scores[best, None]])
        kept.append(best)
        left = left[left != best]
        weight = _soft_weight(overlaps(boxes[best], boxes[left], offset), iou_threshold, sigma, method)
        scores[left] *= weight
        left = left[scores[left] >= min_score]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.long)


def _soft_weight(iou: Tensor, iou_threshold: float, sigma: float, method: int) -> Tensor:
    """Return by how much scores fall: 0 naive, 1 linear, 2 Gaussian."""
    if method == 2:
        return torch.exp(-(iou**2) / sigma)
    return torch.where(iou >= iou_threshold, 1 - iou if method == 1 else torch.zeros_like(iou), 1.0)


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the mean of bilinear samples in each bin of each region (index, x1, y1, x2, y2) into `output`."""
    if pool_mode != 1:
        raise NotImplementedError("roi_align with pool_mode='max' is not written in plain torch")
    bins = (aligned_height, aligned_width)
    for number, roi in enumerate(rois):
        rows, columns = _samples(roi, input.shape[-2:], bins, spatial_scale, sampling_ratio, aligned)
        output[number] = torch.einsum("ph,chw,qw->cpq", rows, input[int(roi[0])], columns)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Add the gradient of `roi_align_forward` to `grad_input`."""
    bins = (aligned_height, aligned_width)
    for number, roi in enumerate(rois):
        rows, columns = _samples(roi, grad_input.shape[-2:], bins, spatial_scale, sampling_ratio, aligned)
        grad_input[int(roi[0])] += torch.einsum("ph,cpq,qw->chw", rows, grad_output[number], columns)


def _samples(
    roi: Tensor, size: torch.Size, bins: tuple[int, int], scale: float, ratio: int, aligned: bool
) -> tuple[Tensor, Tensor]:
    """Return the weights (bins, size) along each axis; bilinear samples of a grid are separable."""
    shift = 0.5 if aligned else 0.0
    x1, y1, x2, y2 = (roi[1:] * scale - shift).tolist()
    return (
        _axis(y1, y2, size[0], bins[0], ratio, aligned, roi),
        _axis(x1, x2, size[1], bins[1], ratio, aligned, roi),
    )


def _axis(low: float, high: float, size: int, bins: int, ratio: int, aligned: bool, like: Tensor) -> Tensor:
    length = high - low if aligned else max(high - low, 1.0)
    count = ratio if ratio > 0 else max(-int(-length // bins), 1)
    position = low + (torch.arange(bins * count, dtype=torch.float64) + 0.5) * length / (bins * count)
    inside = (position >= -1) & (position <= size)
    position = position.clamp(0, size - 1)
    below = position.floor().long()
    above = (below + 1).clamp(max=size - 1)
    part = position - below
    weights = torch.zeros(bins * count, size, dtype=torch.float64)
    weights.scatter_add_(1, below[:, None], ((1 - part) * inside)[:, None])
    weights.scatter_add_(1, above[:, None], (part * inside)[:, None])
    return weights.reshape(bins, count, size).mean(1).to(like)
