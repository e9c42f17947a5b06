import numpy as np
import torch

from eng_structures import BaseDataElement, InstanceData, LabelData, PixelData
from eng_visualization import Visualizer

BLACK = np.zeros((60, 80, 3), np.uint8)
META = {"classes": ("cat", "dog"), "palette": [(255, 0, 0), (0, 255, 0)]}


def drawn(sample, image=BLACK, **kwargs):
    """The image that `add_datasample` records."""
    recorded = []

    class Keeps(Visualizer):
        def add_image(self, name, image, step=0):
            recorded.append((name, image, step))

    visualizer = Keeps()
    visualizer.dataset_meta = META
    visualizer.add_datasample("sample", image, sample, step=3, **kwargs)
    (name, result, step) = recorded[0]
    assert (name, step) == ("sample", 3)
    return result


def instances(box, label, **fields):
    return InstanceData(bboxes=torch.tensor([box]), labels=torch.tensor([label]), **fields)


def test_what_is_given_is_left_of_what_was_predicted():
    """Boxes in the colours of their classes; a box that reaches out of the image is no trouble."""
    sample = BaseDataElement()
    sample.gt_instances = instances([10.0, 20.0, 50.0, 50.0], 0)
    sample.pred_instances = instances([-5.0, 20.0, 500.0, 50.0], 1, scores=torch.tensor([0.75]))
    both = drawn(sample)
    assert both.shape == (60, 160, 3)
    assert both[50, 30, 0] > 100 > both[50, 30, 1]  # red below, left
    assert both[50, 120, 1] > 100 > both[50, 120, 0]  # green below, right
    assert drawn(sample, draw_gt=False).shape == (60, 80, 3)
    assert np.array_equal(drawn(sample, draw_gt=False), both[:, 80:])


def test_masks_and_keypoints_of_instances():
    """A mask colours its area, a keypoint is a dot."""
    mask = torch.zeros(1, 60, 80, dtype=torch.bool)
    mask[:, 30:] = True
    found = InstanceData(masks=mask, labels=torch.tensor([1]), keypoints=torch.tensor([[[20.0, 10.0, 1.0]]]))
    result = drawn({"pred_instances": found})
    assert result[45, 40].tolist() == [0, 128, 0]
    assert result[10, 20, 1] > 100
    assert result[5, 60].tolist() == [0, 0, 0]


def test_no_instance_is_nothing_to_draw():
    """An empty prediction shows the image."""
    nothing = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
    assert np.array_equal(drawn({"pred_instances": nothing}), BLACK)


def test_every_pixel_has_the_colour_of_its_class():
    """The class to ignore has none."""
    classes = torch.full((1, 60, 80), 255)
    classes[:, :, :20], classes[:, :, 20:40] = 0, 1
    result = drawn({"gt_sem_seg": PixelData(sem_seg=classes)})
    assert result[30, 10].tolist() == [128, 0, 0]
    assert result[30, 30].tolist() == [0, 128, 0]
    assert result[30, 60].tolist() == [0, 0, 0]


def test_a_label_is_a_text_in_the_corner():
    """From a LabelData, or from a plain number with the scores of all classes."""
    sample = {
        "gt_label": LabelData(label=torch.tensor([0])),
        "pred_label": 1,
        "pred_score": torch.tensor([0.1, 0.9]),
    }
    result = drawn(sample, np.zeros((60, 80), np.uint8))
    assert result.shape == (60, 160, 3)
    assert result[:20, :80, 0].max() > 200
    assert result[:20, 80:, 1].max() > 200
    assert result[40:].max() == 0


def test_without_anything_known_the_image_itself_is_recorded():
    """Also without a sample."""
    assert np.array_equal(drawn(None), BLACK)
    assert np.array_equal(drawn(BaseDataElement()), BLACK)
